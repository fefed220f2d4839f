// Package data reads batches from files: each kind of file is a row of [Kinds]
// and a folder below data. docs/add-a-data-source.md explains how to add one. Weights
// and recorded batches are safetensors files, which data/safetensors reads and writes.
//
// When a data source is opened, its file is checked against the types that the spec
// declares; after that, a batch has the declared type or is an error.
package data
