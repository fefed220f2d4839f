// Package dynlib opens vendors' libraries at run time and calls their C functions, for
// all drivers. With the tag nogpu, and on unsupported systems, opening fails.
package dynlib

import (
	"sync"
	"unsafe"
)

// Once is a library that is opened at first use and stays open, because drivers leave
// threads behind that run its code. If it can't be opened, the next call tries again.
type Once[T any] struct {
	lock   sync.Mutex
	opened *T
}

// Get returns the library, and opens it if necessary.
func (o *Once[T]) Get(open func() (*T, error)) (*T, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.opened == nil {
		opened, err := open()
		if err != nil {
			return nil, err
		}
		o.opened = opened
	}
	return o.opened, nil
}

// Names numbers the names that a driver looks up in a library. Each is declared once:
//
//	clFinish = functions.Add("clFinish")
type Names[N ~int] []string

// Add adds a name and returns its number.
func (n *Names[N]) Add(name string) N {
	*n = append(*n, name)
	return N(len(*n) - 1)
}

// Text is a zero-terminated C string; "" for nil.
func Text(at unsafe.Pointer) string {
	if at == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(at, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(at), n))
}

// Terminated is a string with a terminating zero.
func Terminated(s string) []byte { return append([]byte(s), 0) }
