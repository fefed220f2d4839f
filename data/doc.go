// Package data gives batches from files: each kind of data source is a row of [Kinds]
// and a folder below data. docs/add-a-data-source.md says how to add one. Weights and
// recorded batches are safetensors files, which data/safetensors reads and writes.
//
// A data source checks its file against the types that a spec declares when it is
// opened; after that, a batch has the declared type or is an error.
package data
