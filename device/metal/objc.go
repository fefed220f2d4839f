package metal

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// object is the address of an Objective-C object.
type object uintptr

// size is MTLSize.
type size struct{ width, height, depth uint }

// library is the opened frameworks.
type library struct {
	address     []uintptr
	classes     []object
	selectors   []uintptr
	sendForSize func(receiver object, selector uintptr) size

	live  []atomic.Int64     // owned objects, by the message that returned them
	pools atomic.Int64       // autorelease pools
	fault func(message) bool // for tests: if true, the message fails without being sent
}

// send sends a message. Pointers among the arguments must be converted in the call
// expression itself, which pins what they point to.
//
//go:uintptrescapes
func (l *library) send(to object, m message, args ...uintptr) uintptr {
	var all [12]uintptr
	all[0], all[1] = uintptr(to), l.selectors[m]
	n := copy(all[2:], args)
	return dynlib.Call(l.address[objcMsgSend], all[:2+n]...)
}

// asks reports whether to send a message, rather than fail it for a test.
func (l *library) asks(m message) bool { return l.fault == nil || !l.fault(m) }

// create sends a message that returns an owned object or nil.
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

// keep sends a message that returns an autoreleased object or nil, and retains it.
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

// give releases an owned object that a message returned; nil is ignored.
func (l *library) give(m message, o *object) {
	if *o == 0 {
		return
	}
	l.send(*o, release)
	l.live[m].Add(-1)
	*o = 0
}

// yes sends a message that returns a BOOL, of which only the lowest byte counts.
func (l *library) yes(to object, m message, args ...uintptr) bool {
	return byte(l.send(to, m, args...)) != 0
}

// number sends a message that returns a number.
func (l *library) number(to object, m message) int64 {
	return int64(min(uint64(l.send(to, m)), 1<<62))
}

// push opens an autorelease pool: autoreleased objects live until it is popped. A pool
// belongs to its thread, so the goroutine is locked to it until then.
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

// newString returns an owned NSString; nil if there is no memory.
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

// text returns the text of an NSString; "" for nil.
func (l *library) text(s object) string {
	if s == 0 {
		return ""
	}
	return dynlib.Text(pointer(l.send(s, utf8String)))
}

// address is the address of a Go object. The caller keeps it alive.
func address[T any](at *T) uintptr { return uintptr(unsafe.Pointer(at)) }

// pointer converts an address outside Go's memory to a pointer.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

// commandBufferErrors are the codes of MTLCommandBufferError.
var commandBufferErrors = map[int64]string{
	1:  "MTLCommandBufferErrorInternal",
	2:  "MTLCommandBufferErrorTimeout",
	3:  "MTLCommandBufferErrorPageFault",
	4:  "MTLCommandBufferErrorAccessRevoked",
	7:  "MTLCommandBufferErrorNotPermitted",
	8:  "MTLCommandBufferErrorOutOfMemory",
	9:  "MTLCommandBufferErrorInvalidResource",
	10: "MTLCommandBufferErrorMemoryless",
	11: "MTLCommandBufferErrorDeviceRemoved",
	12: "MTLCommandBufferErrorStackOverflow",
}

// losing are the codes after which, by their documentation, the process can no longer use
// the device: access revoked, not permitted, device removed.
var losing = []int64{4, 7, 11}

// libraryErrors are the codes of MTLLibraryError.
var libraryErrors = map[int64]string{
	1: "MTLLibraryErrorUnsupported",
	2: "MTLLibraryErrorInternal",
	3: "MTLLibraryErrorCompileFailure",
	4: "MTLLibraryErrorCompileWarning",
	5: "MTLLibraryErrorFunctionNotFound",
	6: "MTLLibraryErrorFileNotFound",
}

// Error is a failed message.
type Error struct {
	Message string // its selector, without the trailing colon: "newLibraryWithSource:options:error"
	Code    int64  // of the NSError; 0 if there is none
	Name    string // "MTLCommandBufferErrorTimeout"; "" if unknown
	Text    string // the NSError's description; may be empty
}

// Error returns the selector and the NSError's description.
func (e *Error) Error() string {
	text := e.Message + ": "
	switch {
	case e.Name != "":
		text += fmt.Sprintf("%s (%d)", e.Name, e.Code)
	case e.Code != 0:
		text += fmt.Sprintf("error %d", e.Code)
	default:
		text += "it failed, and Metal gave no reason"
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// failed returns the error for a message that returned nil, and perhaps an NSError.
func (l *library) failed(m message, reason object, names map[int64]string) error {
	e := &Error{Message: m.String()}
	if reason != 0 {
		e.Code = int64(l.send(reason, code))
		e.Name, e.Text = names[e.Code], l.text(object(l.send(reason, localizedDescription)))
	}
	return e
}

// loses reports whether the process can no longer use the device after an error.
func loses(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Message == status.String() && slices.Contains(losing, e.Code)
}
