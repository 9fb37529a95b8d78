//! Arguments of the command line: types only.
