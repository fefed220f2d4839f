// Package arrays is what kinds of files that contain arrays have in common: [Table] gives
// the rows of arrays as examples, straight from the files' bytes. What a kind adds is how
// it finds the arrays in a file.
//
// An array's first dimension counts the examples. A field may be divided among several
// files, one after the other. Elements are converted while they are read, where this
// changes no value: see [Elem.Fits].
package arrays
