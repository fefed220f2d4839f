// Package results writes what a model computes for many examples, batch by batch, into
// files that other programs read: csv, jsonl, npy, safetensors. What it holds in memory
// doesn't grow with the number of examples.
//
// Where an output stands for the classes of a field, csv and jsonl have their names;
// npy and safetensors have numbers only. CSV has a line of column names first. An output
// of more than one element has a column for each: NAME.0, NAME.1, …, or NAME.CLASS.
// JSON has no NaN and no infinities: they are null, which pandas and others read as
// missing. Numbers have the fewest digits that give the same number when read.
package results
