"""Where the operators are registered: ``torch.ops.alignment_fast``."""

import torch

LIBRARY = torch.library.Library("alignment_fast", "FRAGMENT")
