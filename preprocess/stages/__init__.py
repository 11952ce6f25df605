"""One file a stage: a pure function without I/O and without Ray, named by its verb."""
