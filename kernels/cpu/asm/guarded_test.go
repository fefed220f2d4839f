//go:build unix

package asm

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// guarded gives memory for n elements that ends where a page begins that can't be
// touched; a page that can't be touched lies before the memory's first page too.
func guarded[T any](t testing.TB, n int) []T {
	page, bytes := syscall.Getpagesize(), n*int(unsafe.Sizeof(*new(T)))
	inner := (bytes + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	require.NoError(t, syscall.Mprotect(memory[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(memory[page+inner:], syscall.PROT_NONE))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[page+inner-bytes])), n)
}
