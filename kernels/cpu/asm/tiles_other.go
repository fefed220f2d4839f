//go:build !amd64

package asm

// ProductsOf are the functions for elements of so many bytes: there are none.
func ProductsOf(Set, int) *Products { return nil }
