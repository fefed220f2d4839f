//go:build !unix

package cpu

import "testing"

// guardedBuffer makes a buffer; there are no guards here.
func guardedBuffer[T number](_ testing.TB, dtype string, shape ...int) Buffer {
	return memory[T](dtype, shape...)
}
