//! Selections, cycles and orders on a graph made by hand.
