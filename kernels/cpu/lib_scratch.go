package cpu

import (
	"sync"
	"unsafe"
)

// scratch is what kernels pack operands into. They need it only while they run, so those
// that don't run side by side share it: a program with hundreds of products takes no more
// than a block for each thread.
//
// A block is as large as the largest that a kernel has asked for at its binding. It is
// allocated when a run finds none, which is so at first, and when more runs are side by
// side than ever before.
var scratch blocks

type blocks struct {
	lock sync.Mutex
	size int
	free []block
}

// block is memory that begins with a cache line.
type block struct {
	at   unsafe.Pointer
	size int
}

// need says at a kernel's binding how large its blocks must be.
func (b *blocks) need(bytes int) {
	b.lock.Lock()
	b.size = max(b.size, bytes)
	b.lock.Unlock()
}

// borrow gives a block that is the caller's until it is given back. It holds anything.
func (b *blocks) borrow() block {
	b.lock.Lock()
	size := b.size
	var free block
	if last := len(b.free) - 1; last >= 0 {
		free, b.free[last], b.free = b.free[last], block{}, b.free[:last]
	}
	b.lock.Unlock()
	if free.size < size { // there was none, or one from before a larger kernel was bound
		free = block{aligned(size), size}
	}
	return free
}

func (b *blocks) giveBack(x block) {
	b.lock.Lock()
	b.free = append(b.free, x)
	b.lock.Unlock()
}

// aligned makes memory that begins with a cache line.
func aligned(bytes int) unsafe.Pointer {
	s := make([]byte, bytes+cacheLine)
	p := unsafe.Pointer(unsafe.SliceData(s))
	return unsafe.Add(p, -int(uintptr(p))&(cacheLine-1))
}

// alignedSlice makes a slice that begins with a cache line.
func alignedSlice[T any](n int) []T {
	return unsafe.Slice((*T)(aligned(n*int(unsafe.Sizeof(*new(T))))), n)
}
