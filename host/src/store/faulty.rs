//! A file layer that fails on purpose, for tests.
