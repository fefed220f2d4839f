//go:build !amd64

package asm

// RowsOf gives a set's functions over rows.
func RowsOf(Set) *Rows { return &Rows{} }
