// Package checkpoint keeps a run's checkpoints in a folder: safetensors files with
// every state under its name, and what the loop remembers beside the states under
// names that no state can have.
//
// A checkpoint says of which run it is, and that run from which checkpoint of
// which other run it went on: its lineage. So the newest checkpoint is that of the
// run made last, not the one with the largest number, and what is removed is a
// run's own.
//
// While a [Store] is open, its folder is locked: two runs can't mix their files.
package checkpoint
