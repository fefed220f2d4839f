// Package order says which examples are where: the order of an epoch, the parts of a
// split, the examples of a batch, the draws of a mix. Everything is a function of numbers
// and a key; nothing remembers what came before, so any step can be computed at once.
//
// The functions are part of what a seed means: changing them changes every run.
package order
