//go:build !nogpu && linux && amd64

package metal

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// MTLCommandBufferStatus
const completed, failed = 4, 5

func TestAKernelRunsWhenSomethingWaitsForIt(t *testing.T) {
	c := newClient(t)
	x, xs := c.buffer(100)
	out, outs := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, out, arguments{100, 3})
	c.commit(buffer, encoder)
	require.Zero(t, outs[99])
	for i := range xs { // it reads late
		xs[i] = float32(i)
	}
	require.Less(t, c.msg(buffer, "status"), uintptr(completed))
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, completed, c.msg(buffer, "status"))
	require.Zero(t, c.msg(buffer, "error"))
	for i, v := range outs {
		require.Equal(t, 3*float32(i), v)
	}
}

func TestResultsAreTheSameAtEveryPace(t *testing.T) {
	for _, p := range []Pace{Late, Eager, Mixed} {
		t.Run([]string{"late", "eager", "mixed"}[p], func(t *testing.T) {
			c := newClient(t)
			Work(t, p)
			queue := c.queue()
			x, xs := c.buffer(100)
			out, outs := c.buffer(100)
			for i := range xs {
				xs[i] = 1
			}
			var last uintptr
			for range 10 {
				buffer, encoder := c.commands(queue)
				c.scale(encoder, x, out, arguments{100, 3})
				c.scale(encoder, out, x, arguments{100, 0.5})
				c.commit(buffer, encoder)
				last = buffer
			}
			c.msg(last, "waitUntilCompleted") // and so for all before it as well
			require.InDelta(t, math.Pow(1.5, 10), xs[99], 1e-4)
			require.InDelta(t, 3*math.Pow(1.5, 9), outs[99], 1e-4)
		})
	}
}

func TestSynchronizedQueuesHaveTheSameResultsAtEveryPace(t *testing.T) {
	c := newClient(t)
	type step struct{ queue, from, to, by int }
	rapid.Check(t, func(r *rapid.T) {
		Work(t, rapid.SampledFrom([]Pace{Late, Eager, Mixed}).Draw(r, "pace"))
		pool := c.call("objc_autoreleasePoolPush")
		queues := []uintptr{c.queue(), c.queue()}
		event := c.msg(c.msg(c.device, "newSharedEvent"), "autorelease")
		var buffers []uintptr
		var memory [][]float32
		want := []float32{1, 2, 3}
		for _, v := range want {
			b, m := c.buffer(128)
			m[0] = v
			buffers, memory = append(buffers, b), append(memory, m)
		}
		last := map[int]uintptr{}
		for i := range rapid.IntRange(1, 12).Draw(r, "steps") {
			place := rapid.IntRange(0, 2)
			s := step{rapid.IntRange(0, 1).Draw(r, "queue"), place.Draw(r, "from"), place.Draw(r, "to"), rapid.IntRange(-2, 2).Draw(r, "by")}
			want[s.to] = want[s.from] * float32(s.by)
			buffer := c.msg(queues[s.queue], "commandBuffer")
			c.msg(buffer, "encodeWaitForEvent:value:", event, uintptr(i))
			encoder := c.msg(buffer, "computeCommandEncoder")
			c.scale(encoder, buffers[s.from], buffers[s.to], arguments{128, float32(s.by)})
			c.msg(encoder, "endEncoding")
			c.msg(buffer, "encodeSignalEvent:value:", event, uintptr(i+1))
			c.msg(buffer, "commit")
			last[s.queue] = buffer
		}
		for _, buffer := range last {
			c.msg(buffer, "waitUntilCompleted")
		}
		for i, v := range want {
			require.Equal(t, v, memory[i][0])
		}
		c.call("objc_autoreleasePoolPop", pool)
	})
}

func TestEagerWorkIsExecutedImmediately(t *testing.T) {
	c := newClient(t)
	Work(t, Eager)
	x, xs := c.buffer(128)
	xs[5] = 2
	out, outs := c.buffer(128)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, out, arguments{128, 3})
	c.commit(buffer, encoder)
	require.EqualValues(t, 6, outs[5])
	require.EqualValues(t, completed, c.msg(buffer, "status"))
}

func TestThreadgroupMemoryAndBarriersWork(t *testing.T) {
	c := newClient(t)
	x, xs := c.buffer(128)
	for i := range xs {
		xs[i] = float32(i)
	}
	pipeline := c.pipeline("reverse")
	require.EqualValues(t, 4096, c.msg(pipeline, "staticThreadgroupMemoryLength"))
	require.EqualValues(t, 32, c.msg(pipeline, "threadExecutionWidth"))
	buffer, encoder := c.commands(c.queue())
	c.msg(encoder, "setComputePipelineState:", pipeline)
	c.msg(encoder, "setBuffer:offset:atIndex:", x, 0, 0)
	c.msg(encoder, "dispatchThreads:threadsPerThreadgroup:", 0, 0, 0, 0, 128, 1, 1, 64, 1, 1)
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, []float32{63, 62, 0, 127, 64}, []float32{xs[0], xs[1], xs[63], xs[64], xs[127]})
}

func TestPollingSeesCompletion(t *testing.T) {
	c := newClient(t)
	x, _ := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 3})
	c.commit(buffer, encoder)
	for looks := 0; c.msg(buffer, "status") != completed; looks++ {
		require.Less(t, looks, 100)
	}
}

func TestBlitsCopyAndFill(t *testing.T) {
	c := newClient(t)
	x, xs := c.buffer(8)
	y, ys := c.buffer(8)
	xs[2] = 5
	buffer := c.msg(c.queue(), "commandBuffer")
	encoder := c.msg(buffer, "blitCommandEncoder")
	c.msg(encoder, "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:", x, 8, y, 4, 12)
	c.msg(encoder, "fillBuffer:range:value:", y, 8, 4, 0x3f)
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	require.Equal(t, []float32{0, 5, math.Float32frombits(0x3f3f3f3f), 0}, ys[:4])
}

func TestACommandBufferRetainsItsResourcesUntilCompleted(t *testing.T) {
	c := newClient(t)
	before := Count(t, "MTLBuffer")
	pool := c.call("objc_autoreleasePoolPush")
	x, _ := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 3})
	c.commit(buffer, encoder)
	c.msg(buffer, "retain")
	c.call("objc_autoreleasePoolPop", pool)
	require.Equal(t, before+1, Count(t, "MTLBuffer"))
	c.msg(buffer, "waitUntilCompleted")
	require.Equal(t, before, Count(t, "MTLBuffer"))
	c.msg(buffer, "release")
}

func TestNothingIsLeaked(t *testing.T) {
	c := newClient(t)
	classes := []string{"MTLBuffer", "MTLCommandQueue", "MTLCommandBuffer", "MTLComputeCommandEncoder", "MTLComputePipelineState", "MTLLibrary", "MTLFunction", "NSString", "NSError"}
	var before []int
	for _, class := range classes {
		before = append(before, Count(t, class))
	}
	pool := c.call("objc_autoreleasePoolPush")
	x, _ := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 3})
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	c.call("objc_autoreleasePoolPop", pool)
	for i, class := range classes {
		require.Equal(t, before[i], Count(t, class), class)
	}
	require.Zero(t, c.msg(c.device, "currentAllocatedSize"))
}

func TestQueuesWaitForEventsOfOthers(t *testing.T) {
	c := newClient(t)
	event := c.msg(c.device, "newSharedEvent")
	x, xs := c.buffer(100)
	xs[7] = 1
	first, second := c.queue(), c.queue()
	waiting, encoder := c.msg(second, "commandBuffer"), uintptr(0)
	c.msg(waiting, "encodeWaitForEvent:value:", event, 3)
	encoder = c.msg(waiting, "computeCommandEncoder")
	c.scale(encoder, x, x, arguments{100, 10})
	c.commit(waiting, encoder)
	buffer, encoder := c.commands(first)
	c.scale(encoder, x, x, arguments{100, 0.5})
	c.msg(encoder, "endEncoding")
	c.msg(buffer, "encodeSignalEvent:value:", event, 3)
	c.msg(buffer, "commit")
	c.msg(waiting, "waitUntilCompleted")
	require.EqualValues(t, 5, xs[7])
	require.EqualValues(t, 3, c.msg(event, "signaledValue"))
	c.msg(event, "release")
}

func TestTheHostSignalsEventsFromAnotherThread(t *testing.T) {
	c := newClient(t)
	event := c.msg(c.device, "newSharedEvent")
	x, xs := c.buffer(100)
	xs[7] = 1
	buffer := c.msg(c.queue(), "commandBuffer")
	c.msg(buffer, "encodeWaitForEvent:value:", event, 1)
	encoder := c.msg(buffer, "computeCommandEncoder")
	c.scale(encoder, x, x, arguments{100, 10})
	c.commit(buffer, encoder)
	signal := c.named("sel_registerName", "setSignaledValue:")
	go func() {
		time.Sleep(10 * time.Millisecond)
		c.call("objc_msgSend", event, signal, 1)
	}()
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, 10, xs[7])
	c.msg(event, "release")
}

func TestACompileErrorNamesTheSourcePosition(t *testing.T) {
	c := newClient(t)
	kernel := func(lines string) string {
		return "#line 1 \"one.metal\"\n#include <metal_stdlib>\nusing namespace metal;\n#line 1 \"two.metal\"\n" + lines
	}
	for text, want := range map[string]string{
		kernel("\nkernel void k(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = y; }\n"):            "two.metal:2",
		kernel("kernel void k(device double *x [[buffer(0)]]) {}\n"):                                                            "double",
		kernel("float of(threadgroup float *x) { return *x; }\nkernel void k(device float *x [[buffer(0)]]) { *x = of(x); }\n"): "two.metal:2",
		kernel("kernel void k(device float *x [[buffer(0)]], constant float &y [[buffer(1)]]) { *x = y;\n    y = 1; }\n"):       "two.metal:2",
		kernel("#error no\n"): "two.metal:1",
	} {
		library, problem := c.compile(text, c.options())
		require.Zero(t, library)
		require.Equal(t, "MTLLibraryErrorDomain", c.read(c.msg(problem, "domain")))
		require.EqualValues(t, 3, c.msg(problem, "code"))
		require.Contains(t, c.read(c.msg(problem, "localizedDescription")), want)
	}
}

func TestLanguageVersionsDependOnMacOS(t *testing.T) {
	for version, since := range map[uintptr]int{3 << 16: 13, 3<<16 + 1: 14, 3<<16 + 2: 15} {
		for _, macos := range []int{13, 14, 15} {
			t.Run(fmt.Sprintf("%x under %d", version, macos), func(t *testing.T) {
				c := newClient(t)
				Play(t, Machine{MacOS: macos})
				o := c.msg(c.class("MTLCompileOptions"), "new")
				c.msg(o, "setLanguageVersion:", version)
				c.msg(o, "setFastMathEnabled:", 0)
				library, problem := c.compile(source, o)
				require.Equal(t, macos >= since, library != 0)
				require.Equal(t, macos < since, problem != 0)
				has := c.msg(o, "respondsToSelector:", c.named("sel_registerName", "setMathMode:")) & 0xff
				require.Equal(t, macos >= 15, has == 1)
				c.msg(library, "release")
				c.msg(o, "release")
			})
		}
	}
}

func TestMathIsFastByDefault(t *testing.T) {
	c := newClient(t)
	for _, asked := range []bool{true, false} {
		o := c.options()
		if !asked {
			c.msg(o, "setFastMathEnabled:", 1)
		}
		library, _ := c.compile(source, o)
		function := c.msg(library, "newFunctionWithName:", c.text("invalid"))
		pipeline := c.msg(c.device, "newComputePipelineStateWithFunction:error:", function, 0)
		x, xs := c.buffer(32)
		xs[0] = float32(math.NaN())
		buffer, encoder := c.commands(c.queue())
		c.msg(encoder, "setComputePipelineState:", pipeline)
		c.msg(encoder, "setBuffer:offset:atIndex:", x, 0, 0)
		c.dispatch(encoder, 1, 32)
		c.commit(buffer, encoder)
		c.msg(buffer, "waitUntilCompleted")
		require.Equal(t, asked, xs[0] == 1)
		for _, object := range []uintptr{pipeline, function, library} {
			c.msg(object, "release")
		}
	}
}

func TestALibraryHasExactlyItsKernels(t *testing.T) {
	c := newClient(t)
	library, _ := c.compile(source, c.options())
	names := c.msg(library, "functionNames")
	var all []string
	for i := range c.msg(names, "count") {
		all = append(all, c.read(c.msg(names, "objectAtIndex:", i)))
	}
	require.ElementsMatch(t, []string{"scale", "reverse", "stray", "astray", "diverge", "invalid"}, all)
	require.Zero(t, c.msg(library, "newFunctionWithName:", c.text("scales")))
	function := c.msg(library, "newFunctionWithName:", c.text("scale"))
	require.Equal(t, "scale", c.read(c.msg(function, "name")))
	c.msg(function, "release")
	c.msg(library, "release")
}

func TestDevicesMatchTheMachine(t *testing.T) {
	c := newClient(t)
	count := func() uintptr {
		all := c.call("MTLCopyAllDevices")
		defer c.msg(all, "release")
		return c.msg(all, "count")
	}
	family := func(f uintptr) bool { return c.msg(c.device, "supportsFamily:", f)&0xff == 1 }
	unified := func() bool { return c.msg(c.device, "hasUnifiedMemory")&0xff == 1 }
	require.EqualValues(t, 1, count())
	require.True(t, unified())
	require.True(t, family(1007))
	require.False(t, family(1009))
	t.Run("two discrete ones", func(t *testing.T) {
		Play(t, Machine{Devices: 2, Discrete: true, NoMatrix: true})
		require.EqualValues(t, 2, count())
		require.False(t, unified())
		require.False(t, family(1007))
		require.True(t, family(2002))
	})
	t.Run("none", func(t *testing.T) {
		Play(t, Machine{Devices: -1})
		require.Zero(t, count())
		require.Zero(t, c.call("MTLCreateSystemDefaultDevice"))
	})
	require.EqualValues(t, 1, count())
}

func TestStructsAreReturnedInMemory(t *testing.T) {
	c := newClient(t)
	var size [3]uint64
	c.call("objc_msgSend_stret", uintptr(unsafe.Pointer(&size)), c.device, c.named("sel_registerName", "maxThreadsPerThreadgroup"))
	require.Equal(t, [3]uint64{1024, 1024, 1024}, size)
}

func TestNumbersAreReturnedInRegisters(t *testing.T) {
	c := newClient(t)
	l, err := library()
	require.NoError(t, err)
	address, err := purego.Dlsym(l, "objc_msgSend")
	require.NoError(t, err)
	var seconds func(object, selector uintptr) float64
	purego.RegisterFunc(&seconds, address)
	x, _ := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 3})
	c.commit(buffer, encoder)
	require.Zero(t, seconds(buffer, c.named("sel_registerName", "GPUEndTime")))
	c.msg(buffer, "waitUntilCompleted")
	from, to := seconds(buffer, c.named("sel_registerName", "GPUStartTime")), seconds(buffer, c.named("sel_registerName", "GPUEndTime"))
	require.Positive(t, from)
	require.Greater(t, to, from)
	require.Zero(t, seconds(0, c.named("sel_registerName", "GPUEndTime")), "of nil")
}

func TestMessagesToNilReturnZero(t *testing.T) {
	c := newClient(t)
	require.Zero(t, c.msg(0, "newCommandQueue"))
	require.Zero(t, c.class("MTLDevice"), "that is a protocol")
}

func TestStringsAreUTF8(t *testing.T) {
	c := newClient(t)
	s := c.text("Größe 𝛑")
	require.EqualValues(t, 8, c.msg(s, "length"), "in units of UTF-16")
	require.Equal(t, "Größe 𝛑", c.read(s))
	bad := []byte{0xc3, 'a'}
	require.Zero(t, c.msg(c.msg(c.class("NSString"), "alloc"), "initWithBytes:length:encoding:", uintptr(unsafe.Pointer(&bad[0])), 2, 4))
}

func TestImpossibleBuffersAreNil(t *testing.T) {
	c := newClient(t)
	Play(t, Machine{Memory: 1 << 20, Buffer: 1 << 19})
	alloc := func(bytes uintptr) uintptr { return c.msg(c.device, "newBufferWithLength:options:", bytes, 0) }
	require.Zero(t, alloc(1<<19+1))
	a, b := alloc(1<<19), alloc(1<<19)
	require.NotZero(t, a)
	require.NotZero(t, b)
	require.EqualValues(t, 1<<20, c.msg(c.device, "currentAllocatedSize"))
	require.Zero(t, alloc(1))
	c.msg(a, "release")
	FailAllocation(t, 2)
	a = alloc(4)
	require.NotZero(t, a)
	require.Zero(t, alloc(4))
	d := alloc(4)
	require.NotZero(t, d)
	for _, object := range []uintptr{a, b, d} {
		c.msg(object, "release")
	}
}

func TestHostMemoryCanBeABuffer(t *testing.T) {
	c := newClient(t)
	page := uintptr(os.Getpagesize())
	memory := make([]float32, 4096) // more than two pages, so that one begins inside
	at := (uintptr(unsafe.Pointer(&memory[0])) + page - 1) &^ (page - 1)
	xs := unsafe.Slice(*(**float32)(unsafe.Pointer(&at)), 1024)
	xs[3] = 2
	x := c.msg(c.device, "newBufferWithBytesNoCopy:length:options:deallocator:", at, page, 0, 0)
	require.Equal(t, at, c.msg(x, "contents"))
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 3})
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, 6, xs[3])
	c.msg(x, "release")
	runtime.KeepAlive(memory)
}

func TestTheHostDoesNotSeePrivateMemory(t *testing.T) {
	c := newClient(t)
	x := c.msg(c.device, "newBufferWithLength:options:", 64, 2<<4)
	require.Zero(t, c.msg(x, "contents"))
	c.msg(x, "release")
}

func TestACommandBufferFailsOnRequest(t *testing.T) {
	for code, want := range map[int]string{
		OutOfMemory: "Insufficient Memory", PageFault: "Address Fault", Timeout: "Timeout", AccessRevoked: "Ignored", DeviceRemoved: "removed", Internal: "Internal",
	} {
		t.Run(want, func(t *testing.T) {
			c := newClient(t)
			FailCommandBuffer(t, 2, code)
			queue := c.queue()
			x, xs := c.buffer(100)
			xs[0] = 1
			var buffers []uintptr
			for range 3 {
				buffer, encoder := c.commands(queue)
				c.scale(encoder, x, x, arguments{100, 2})
				c.scale(encoder, x, x, arguments{100, 3})
				c.commit(buffer, encoder)
				buffers = append(buffers, buffer)
			}
			c.msg(buffers[2], "waitUntilCompleted")
			require.EqualValues(t, completed, c.msg(buffers[0], "status"))
			require.EqualValues(t, failed, c.msg(buffers[1], "status"))
			problem := c.msg(buffers[1], "error")
			require.Equal(t, "MTLCommandBufferErrorDomain", c.read(c.msg(problem, "domain")))
			require.EqualValues(t, code, c.msg(problem, "code"))
			require.Contains(t, c.read(c.msg(problem, "localizedDescription")), want)
			lost := code == AccessRevoked || code == DeviceRemoved
			require.Equal(t, lost, c.msg(buffers[2], "status") == failed)
			if lost {
				require.EqualValues(t, 12, xs[0])
			} else {
				require.EqualValues(t, 72, xs[0])
			}
		})
	}
	c := newClient(t)
	x, _ := c.buffer(100)
	buffer, encoder := c.commands(c.queue())
	c.scale(encoder, x, x, arguments{100, 2})
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, completed, c.msg(buffer, "status"), "a lost device is there again for the next test")
}

func TestAKernelThatHangsFails(t *testing.T) {
	c := newClient(t)
	x, _ := c.buffer(64)
	buffer, encoder := c.commands(c.queue())
	c.msg(encoder, "setComputePipelineState:", c.pipeline("diverge"))
	c.msg(encoder, "setBuffer:offset:atIndex:", x, 0, 0)
	c.dispatch(encoder, 1, 64)
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
	require.EqualValues(t, failed, c.msg(buffer, "status"))
	require.Contains(t, c.read(c.msg(c.msg(buffer, "error"), "localizedDescription")), "divergence")
}

func TestGoStillHandlesItsOwnFaults(t *testing.T) {
	c := newClient(t)
	c.buffer(4) // installs the fault handler
	require.Panics(t, func() {
		var nothing *int
		*nothing = 1
	})
}
