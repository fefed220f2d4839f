// Package kit is the toolbox of the files in ir/ops: parameters, type rules,
// references, samples, tolerances, and the random number generator. It registers
// no op.
package kit
