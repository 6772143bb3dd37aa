# Cells of some keys of JSON objects, one object per line, in one pass over the text. Only what every reader of JSON takes
# alike is taken here, and of the keys that are asked for only plain strings and numbers, once in every object: anything
# else gives None, and the caller finds another way, which also says what is wrong.

cdef extern from *:
    """
    enum { AF_DEEPEST = 32, AF_LONGEST_NUMBER = 300 };
    typedef struct {
        const char *name;
        Py_ssize_t size;
        int number;       /* whether its cells are numbers, or else strings */
        int32_t *offsets; /* of cells in `data`: one more than there are cells */
        uint8_t *data;
        Py_ssize_t filled;
    } af_column;

    AF_READ const uint8_t *af_json_spaces(const uint8_t *at, const uint8_t *end) {
        while (at < end && (*at == ' ' || *at == '\\t')) ++at;
        return at;
    }
    /* Return what is behind a string that opens in front of `at`, or NULL for what is none; `plain` is cleared where a
     * backslash stands in it. */
    AF_READ const uint8_t *af_json_string(const uint8_t *at, const uint8_t *end, int *plain) {
        while (at < end && *at != '"') {
            if (*at < 0x20) return NULL;
            if (*at++ != '\\\\') continue;
            *plain = 0;
            if (at == end) return NULL;
            const uint8_t letter = *at++;
            if (letter == 'u') {
                for (int digit = 0; digit < 4; ++digit, ++at)
                    if (at == end || !((*at >= '0' && *at <= '9') || ((*at | 32) >= 'a' && (*at | 32) <= 'f'))) return NULL;
            } else if (letter == 0 || !strchr("\\"\\\\/bfnrt", letter)) return NULL;
        }
        return at < end ? at + 1 : NULL;
    }
    AF_READ const uint8_t *af_json_digits(const uint8_t *at, const uint8_t *end) {
        const uint8_t *first = at;
        while (at < end && *at >= '0' && *at <= '9') ++at;
        return at > first ? at : NULL;
    }
    AF_READ const uint8_t *af_json_number(const uint8_t *first, const uint8_t *end) {
        const uint8_t *at = first + (first < end && *first == '-'), *whole = at;
        if (!(at = af_json_digits(at, end)) || (*whole == '0' && at > whole + 1)) return NULL;
        if (at < end && *at == '.' && !(at = af_json_digits(at + 1, end))) return NULL;
        if (at < end && (*at | 32) == 'e') {
            ++at;
            if (at < end && (*at == '+' || *at == '-')) ++at;
            if (!(at = af_json_digits(at, end))) return NULL;
        }
        return at - first <= AF_LONGEST_NUMBER ? at : NULL;
    }
    AF_READ const uint8_t *af_json_word(const uint8_t *at, const uint8_t *end, const char *word) {
        const size_t size = strlen(word);
        return (size_t)(end - at) >= size && !memcmp(at, word, size) ? at + size : NULL;
    }
    /* Return what is behind a value, or NULL for what is none. */
    static const uint8_t *af_json_value(const uint8_t *at, const uint8_t *end, int depth) {
        int plain;
        if (at == end || depth > AF_DEEPEST) return NULL;
        switch (*at) {
            case '"': return af_json_string(at + 1, end, &plain);
            case 't': return af_json_word(at, end, "true");
            case 'f': return af_json_word(at, end, "false");
            case 'n': return af_json_word(at, end, "null");
            case '[': case '{': break;
            default: return af_json_number(at, end);
        }
        const int named = *at == '{';
        const uint8_t close = named ? '}' : ']';
        at = af_json_spaces(at + 1, end);
        if (at < end && *at == close) return at + 1;
        for (;;) {
            if (named) {
                if (at == end || *at != '"' || !(at = af_json_string(at + 1, end, &plain))) return NULL;
                at = af_json_spaces(at, end);
                if (at == end || *at++ != ':') return NULL;
                at = af_json_spaces(at, end);
            }
            if (!(at = af_json_value(at, end, depth + 1))) return NULL;
            at = af_json_spaces(at, end);
            if (at == end) return NULL;
            if (*at == close) return at + 1;
            if (*at++ != ',') return NULL;
            at = af_json_spaces(at, end);
        }
    }
    AF_READ int af_json_cell(af_column *column, Py_ssize_t row, const uint8_t *first, const uint8_t *last) {
        memcpy(column->data + column->filled, first, (size_t)(last - first));
        column->filled += last - first;
        column->offsets[row + 1] = (int32_t)column->filled;
        return 1;
    }
    /* Take the cells of the object at `at`; return what is behind it, or NULL. */
    AF_READ const uint8_t *af_json_object(const uint8_t *at, const uint8_t *end, af_column *columns, int count,
                                          Py_ssize_t row) {
        int found = 0, plain;
        if (at == end || *at++ != '{') return NULL;
        for (;;) {
            at = af_json_spaces(at, end);
            const uint8_t *name = at + 1;
            plain = 1;
            if (at == end || *at != '"' || !(at = af_json_string(name, end, &plain)) || !plain) return NULL;
            const Py_ssize_t size = at - 1 - name;
            int c = 0;
            while (c < count && (columns[c].size != size || memcmp(columns[c].name, name, (size_t)size))) ++c;
            at = af_json_spaces(at, end);
            if (at == end || *at++ != ':') return NULL;
            at = af_json_spaces(at, end);
            const uint8_t *value = at;
            if (c == count) {
                if (!(at = af_json_value(at, end, 1))) return NULL;
            } else {
                if (at == end || found >> c & 1) return NULL;
                found |= 1 << c;
                if (columns[c].number) {
                    if (!(at = af_json_number(at, end))) return NULL;
                    af_json_cell(columns + c, row, value, at);
                } else {
                    if (*at != '"' || !(at = af_json_string(at + 1, end, &plain)) || !plain) return NULL;
                    af_json_cell(columns + c, row, value + 1, at - 1);
                }
            }
            at = af_json_spaces(at, end);
            if (at == end) return NULL;
            if (*at == '}') return found == (1 << count) - 1 ? at + 1 : NULL;
            if (*at++ != ',') return NULL;
        }
    }
    /* Take the cells of all objects, one per line; return their number, or -1. */
    AF_READ_LOOP Py_ssize_t af_json_lines(const uint8_t *at, const uint8_t *end, af_column *columns, int count) {
        Py_ssize_t rows = 0;
        for (int c = 0; c < count; ++c) columns[c].offsets[0] = 0;
        while (at < end) {
            at = af_json_spaces(at, end);
            if (at < end && *at == '{') {
                if (!(at = af_json_object(at, end, columns, count, rows))) return -1;
                ++rows;
                at = af_json_spaces(at, end);
            }
            if (at + 1 < end && *at == '\\r') ++at;
            if (at < end && *at++ != '\\n') return -1;
        }
        return rows;
    }
    """
    ctypedef struct af_column:
        const char *name
        Py_ssize_t size
        int number
        int32_t *offsets
        uint8_t *data
        Py_ssize_t filled
    Py_ssize_t af_json_lines(const uint8_t *at, const uint8_t *end, af_column *columns, int count) nogil

cdef enum:
    MOST_COLUMNS = 16
    LONGEST_TEXT = 0x7FFFFFFF


def read_json_cells(bytes text, tuple names, tuple numbers):
    """Return (int32 offsets, data) of the cells of every name, for objects of JSON, one per line; None for others.

    Cells are numbers, as they are written, where `numbers` says so, else strings without escapes.
    """
    cdef af_column[MOST_COLUMNS] columns
    cdef Py_ssize_t size = len(text), rows, c, count = len(names)
    cdef const uint8_t *start = <const uint8_t*><const char*>text
    cdef int32_t[::1] offsets
    cdef uint8_t[::1] data
    if not 0 < count <= MOST_COLUMNS or size >= LONGEST_TEXT:
        return None
    most = size // 6 + 2  # no row is shorter than {"":0}
    found = [(empty(most, "i"), empty(size + 1, "B")) for _ in range(count)]
    for c in range(count):
        offsets, data = found[c]
        columns[c].name, columns[c].size = names[c], len(names[c])
        columns[c].number, columns[c].filled = numbers[c], 0
        columns[c].offsets, columns[c].data = &offsets[0], &data[0]
    with nogil:
        rows = af_json_lines(start, start + size, columns, <int>count)
    return None if rows < 0 else [(own[: rows + 1], all_data) for own, all_data in found]
