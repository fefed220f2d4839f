// Package data gives batches from files. Weights and recorded batches are
// safetensors files, which data/safetensors reads and writes.
//
// A source checks its file against the types that a spec declares when it is
// opened; after that, a batch has the declared type or is an error.
package data
