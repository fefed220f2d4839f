//go:build !unix

package asm

import "testing"

// guarded gives memory for n elements; there are no guards here.
func guarded[T any](_ testing.TB, n int) []T { return make([]T, n) }
