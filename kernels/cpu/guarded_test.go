//go:build unix

package cpu

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// guardedBuffer makes a buffer between pages that can't be touched, and ends where the
// second one begins: so it starts wherever its size puts it.
func guardedBuffer[T number](t testing.TB, dtype string, shape ...int) Buffer {
	page, bytes := syscall.Getpagesize(), numel(shape)*int(unsafe.Sizeof(*new(T)))
	inner := roundUp(bytes, page)
	memory, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	require.NoError(t, syscall.Mprotect(memory[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(memory[page+inner:], syscall.PROT_NONE))
	return Buffer{Data: memory[page+inner-bytes : page+inner], DType: dtype, Shape: shape}
}
