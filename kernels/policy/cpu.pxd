# Nothing is offered for cimport.
