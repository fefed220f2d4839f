//go:build !nogpu && linux && amd64

package metal

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
)

// client is a small Metal program, written like one for a Mac.
type client struct {
	t         testing.TB
	functions map[string]uintptr
	device    uintptr
}

// newClient returns a client of the fake, with an autorelease pool until the test ends.
func newClient(t testing.TB) *client {
	t.Helper()
	Need(t)
	if !Loaded() {
		t.Skip("the rules of a real Metal are not tested")
	}
	c := &client{t: t, functions: map[string]uintptr{}}
	runtime.LockOSThread()
	pool := c.call("objc_autoreleasePoolPush")
	c.device = c.call("MTLCreateSystemDefaultDevice")
	t.Cleanup(func() {
		if t.Failed() {
			return // releasing the pool might break another rule
		}
		c.msg(c.device, "release")
		c.call("objc_autoreleasePoolPop", pool)
		runtime.UnlockOSThread()
	})
	return c
}

// call calls a C function of the library.
//
//go:uintptrescapes
func (c *client) call(name string, args ...uintptr) uintptr {
	f, ok := c.functions[name]
	if !ok {
		l, err := library()
		require.NoError(c.t, err)
		f, err = purego.Dlsym(l, name)
		require.NoError(c.t, err)
		c.functions[name] = f
	}
	result, _, _ := purego.SyscallN(f, args...)
	return result
}

// msg sends a message with up to four arguments in registers; more are passed on the
// stack, as structs are.
//
//go:uintptrescapes
func (c *client) msg(object uintptr, selector string, args ...uintptr) uintptr {
	return c.call("objc_msgSend", append([]uintptr{object, c.named("sel_registerName", selector)}, args...)...)
}

// named calls a function with a name as argument.
func (c *client) named(function, name string) uintptr {
	text := append([]byte(name), 0)
	return c.call(function, uintptr(unsafe.Pointer(&text[0])))
}

func (c *client) class(name string) uintptr { return c.named("objc_getClass", name) }

// text is a string that is released when the test ends.
func (c *client) text(s string) uintptr {
	bytes := append([]byte(s), 0)
	object := c.msg(c.msg(c.class("NSString"), "alloc"), "initWithBytes:length:encoding:", uintptr(unsafe.Pointer(&bytes[0])), uintptr(len(s)), 4)
	require.NotZero(c.t, object, "%q", s)
	return c.msg(object, "autorelease")
}

// read returns the text of an NSString.
func (c *client) read(object uintptr) string { return c.chars(c.msg(object, "UTF8String")) }

// chars returns the zero-terminated text at an address.
func (c *client) chars(at uintptr) string {
	p := *(**byte)(unsafe.Pointer(&at))
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// options returns MTLCompileOptions for MSL 3.0 and safe math.
func (c *client) options() uintptr {
	o := c.msg(c.class("MTLCompileOptions"), "new")
	c.msg(o, "setLanguageVersion:", 3<<16)
	c.msg(o, "setMathMode:", 0)
	c.msg(o, "setMathFloatingPointFunctions:", 1)
	return c.msg(o, "autorelease")
}

// compile returns a library or an NSError.
func (c *client) compile(source string, options uintptr) (library, problem uintptr) {
	failure := new(uintptr)
	library = c.msg(c.device, "newLibraryWithSource:options:error:", c.text(source), options, uintptr(unsafe.Pointer(failure)))
	return library, *failure
}

// pipeline returns the pipeline of a kernel of the source below.
func (c *client) pipeline(name string) uintptr {
	library, problem := c.compile(source, c.options())
	if library == 0 {
		c.t.Fatal(c.read(c.msg(problem, "localizedDescription")))
	}
	function := c.msg(library, "newFunctionWithName:", c.text(name))
	require.NotZero(c.t, function)
	pipeline := c.msg(c.device, "newComputePipelineStateWithFunction:error:", function, 0)
	require.NotZero(c.t, pipeline)
	c.msg(function, "release")
	c.msg(library, "release")
	return c.msg(pipeline, "autorelease")
}

// source contains the kernels of these tests.
const source = `#include <metal_stdlib>
using namespace metal;

struct arguments {
    int n;
    float by;
};

kernel void scale(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[i] * with.by;
    }
}

kernel void reverse(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]], uint t [[thread_position_in_threadgroup]],
                    uint size [[threads_per_threadgroup]]) {
    threadgroup float all[1024];
    all[t] = x[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    x[i] = all[size - 1 - t];
}

kernel void stray(device float *x [[buffer(0)]], constant arguments &with [[buffer(1)]], uint i [[thread_position_in_grid]]) {
    x[(uint)with.n + i] = with.by;
}

kernel void astray(device float *x [[buffer(0)]], constant arguments &with [[buffer(1)]]) {
    x[-((long)with.n << 32)] = with.by;
}

kernel void diverge(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    if (i > 0) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    x[i] = 0.0f;
}

kernel void invalid(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    x[i] = x[i] != x[i] ? 1.0f : 0.0f;
}
`

// buffer returns a shared buffer of n floats.
func (c *client) buffer(n int) (object uintptr, memory []float32) {
	object = c.msg(c.device, "newBufferWithLength:options:", uintptr(4*n), 0)
	require.NotZero(c.t, object)
	at := c.msg(object, "contents")
	return c.msg(object, "autorelease"), unsafe.Slice(*(**float32)(unsafe.Pointer(&at)), n)
}

func (c *client) queue() uintptr {
	return c.msg(c.msg(c.device, "newCommandQueue"), "autorelease")
}

// commands returns a command buffer with an open compute encoder.
func (c *client) commands(queue uintptr) (buffer, encoder uintptr) {
	buffer = c.msg(queue, "commandBuffer")
	require.NotZero(c.t, buffer)
	return buffer, c.msg(buffer, "computeCommandEncoder")
}

// arguments are those of scale and stray.
type arguments struct {
	n  int32
	by float32
}

func (c *client) set(encoder, index uintptr, a arguments) {
	c.msg(encoder, "setBytes:length:atIndex:", uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a), index)
}

// dispatch dispatches threadgroups in one dimension.
func (c *client) dispatch(encoder uintptr, groups, threads uintptr) {
	c.msg(encoder, "dispatchThreadgroups:threadsPerThreadgroup:", 0, 0, 0, 0, groups, 1, 1, threads, 1, 1)
}

// scale encodes out = by * x.
func (c *client) scale(encoder, x, out uintptr, a arguments) {
	c.msg(encoder, "setComputePipelineState:", c.pipeline("scale"))
	c.msg(encoder, "setBuffer:offset:atIndex:", x, 0, 0)
	c.msg(encoder, "setBuffer:offset:atIndex:", out, 0, 1)
	c.set(encoder, 2, a)
	c.dispatch(encoder, 4, 32)
}

func (c *client) commit(buffer, encoder uintptr) {
	c.msg(encoder, "endEncoding")
	c.msg(buffer, "commit")
}
