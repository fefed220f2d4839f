package metal

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// object is one of Objective-C's: its address.
type object uintptr

// size is MTLSize.
type size struct{ width, height, depth uint }

// library is the opened frameworks.
type library struct {
	address     []uintptr
	classes     []object
	selectors   []uintptr
	sendForSize func(receiver object, selector uintptr) size

	live  []atomic.Int64     // owned objects, by the message that gave them
	pools atomic.Int64       // autorelease pools
	fault func(message) bool // for tests: the message isn't sent, and has failed
}

// send sends a message. Pointers among the arguments are converted in the call
// itself, which keeps what they point to where it is.
//
//go:uintptrescapes
func (l *library) send(to object, m message, args ...uintptr) uintptr {
	var all [12]uintptr
	all[0], all[1] = uintptr(to), l.selectors[m]
	n := copy(all[2:], args)
	return dynlib.Call(l.address[objcMsgSend], all[:2+n]...)
}

// asks reports whether a message is to be sent, and not to fail for a test.
func (l *library) asks(m message) bool { return l.fault == nil || !l.fault(m) }

// create sends a message that gives an owned object, or none.
//
//go:uintptrescapes
func (l *library) create(to object, m message, args ...uintptr) object {
	if !l.asks(m) {
		return 0
	}
	o := object(l.send(to, m, args...))
	if o != 0 {
		l.live[m].Add(1)
	}
	return o
}

// keep sends a message that gives an object of the pool, or none, and makes it owned.
func (l *library) keep(to object, m message) object {
	if !l.asks(m) {
		return 0
	}
	o := object(l.send(to, m))
	if o != 0 {
		l.send(o, retain)
		l.live[m].Add(1)
	}
	return o
}

// give gives back an owned object that a message gave, and does nothing for none.
func (l *library) give(m message, o *object) {
	if *o == 0 {
		return
	}
	l.send(*o, release)
	l.live[m].Add(-1)
	*o = 0
}

// yes sends a message that gives a BOOL, of which only the lowest byte counts.
func (l *library) yes(to object, m message, args ...uintptr) bool {
	return byte(l.send(to, m, args...)) != 0
}

// number sends a message that gives a number.
func (l *library) number(to object, m message) int64 {
	return int64(min(uint64(l.send(to, m)), 1<<62))
}

// push opens an autorelease pool: what a message gives without its being owned
// lives until the pool is popped. A pool belongs to its thread, so the goroutine
// keeps to its own until then.
func (l *library) push() (pool [1]uintptr) {
	runtime.LockOSThread()
	l.pools.Add(1)
	return [1]uintptr{dynlib.Call(l.address[objcAutoreleasePoolPush])}
}

func (l *library) pop(pool *[1]uintptr) {
	dynlib.Call(l.address[objcAutoreleasePoolPop], pool[:]...)
	l.pools.Add(-1)
	runtime.UnlockOSThread()
}

// newString makes an NSString, which is owned; none if there is no memory.
func (l *library) newString(s string) object {
	if !l.asks(initWithBytes) {
		return 0
	}
	text := dynlib.Terminated(s)
	o := object(l.send(l.classes[nsString], alloc))
	o = object(l.send(o, initWithBytes, uintptr(unsafe.Pointer(&text[0])), uintptr(len(s)), utf8Encoding))
	if o != 0 {
		l.live[initWithBytes].Add(1)
	}
	return o
}

// text is what an NSString says; "" for none.
func (l *library) text(s object) string {
	if s == 0 {
		return ""
	}
	return dynlib.Text(pointer(l.send(s, utf8String)))
}

// address is where something lies on Go's heap. The caller keeps it alive.
func address[T any](at *T) uintptr { return uintptr(unsafe.Pointer(at)) }

// pointer is an address that isn't Go's, as a pointer.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }
