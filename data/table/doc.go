// Package table is what data sources agree on: [Decl], what a spec says of a data source
// that reads files, and [Table], the examples that a kind of file gives. A table knows
// nothing of batches, order, parts or what is learned from data; package data adds those.
//
// A table gives the same values for the same example for as long as it is open, whatever
// happens to its files, or an error.
package table
