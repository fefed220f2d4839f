// Package kit is what the files of ops have in common: parameters, type rules,
// references over rows, pairs and indices, and the random number generator. It
// registers no op.
package kit
