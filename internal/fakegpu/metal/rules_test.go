//go:build !nogpu && linux && amd64

package metal

import (
	"os"
	"os/exec"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A rule of Metal or Objective-C, the message when it is broken, and a program that
// breaks it.
type rule struct {
	name, want string
	breaks     func(c *client)
}

var rules = []rule{
	{"a misspelt selector", "-[MTLDevice newComandQueue]: unrecognized selector", func(c *client) {
		c.msg(c.device, "newComandQueue")
	}},
	{"a method of another class", "-[MTLDevice commit]: unrecognized selector", func(c *client) {
		c.msg(c.device, "commit")
	}},
	{"a method that macOS 13 lacks", "-[MTLCompileOptions setMathMode:]: unrecognized selector", func(c *client) {
		Play(c.t, Machine{MacOS: 13})
		c.options()
	}},
	{"a class that only the framework makes objects of", "+[MTLBuffer alloc]: only the framework creates these", func(c *client) {
		c.msg(c.class("FakeMTLBuffer"), "alloc")
	}},
	{"a message to no object", "objc_msgSend: length: the receiver is not an object", func(c *client) {
		c.msg(uintptr(unsafe.Pointer(c)), "length")
	}},
	{"a message to an object that has been deallocated", "-[MTLBuffer length]: the object has been deallocated", func(c *client) {
		b := c.msg(c.device, "newBufferWithLength:options:", 4, 0)
		c.msg(b, "release")
		c.msg(b, "length")
	}},
	{"one release too many", "-[MTLBuffer release]: the object has been deallocated", func(c *client) {
		b := c.msg(c.device, "newBufferWithLength:options:", 4, 0)
		c.msg(b, "release")
		c.msg(b, "release")
	}},
	{"a release of an autoreleased object", "-[MTLCommandBuffer release]: an autoreleased object was released more often", func(c *client) {
		pool := c.call("objc_autoreleasePoolPush")
		c.msg(c.msg(c.queue(), "commandBuffer"), "release")
		c.call("objc_autoreleasePoolPop", pool)
	}},
	{"a release of a device that wasn't retained", "-[MTLDevice release]: it is released more often than it was retained", func(c *client) {
		c.msg(c.device, "release")
		c.msg(c.device, "release")
	}},
	{"a dealloc by hand", "-[NSString dealloc]: only the last release may send it", func(c *client) {
		c.msg(c.text("s"), "dealloc")
	}},
	{"an object of a pool without a pool", "-[MTLCommandBuffer autorelease]: the thread has no autorelease pool", func(c *client) {
		q := c.msg(c.device, "newCommandQueue")
		onAnotherThread(func() { c.msg(q, "commandBuffer") })
	}},
	{"a pool that was popped", "objc_autoreleasePoolPop: not a pool of this thread, or it has been popped", func(c *client) {
		pool := c.call("objc_autoreleasePoolPush")
		c.call("objc_autoreleasePoolPop", pool)
		c.call("objc_autoreleasePoolPop", pool)
	}},
	{"a pool of another thread", "objc_autoreleasePoolPop: not a pool of this thread, or it has been popped", func(c *client) {
		pool := c.call("objc_autoreleasePoolPush")
		onAnotherThread(func() { c.call("objc_autoreleasePoolPop", pool) })
	}},
	{"an object of the wrong class", "-[MTLComputeCommandEncoder setComputePipelineState:]: expected MTLComputePipelineState, got MTLBuffer", func(c *client) {
		x, _ := c.buffer(4)
		_, e := c.commands(c.queue())
		c.msg(e, "setComputePipelineState:", x)
	}},
	{"nil for a required argument", "-[MTLComputeCommandEncoder setComputePipelineState:]: nil was passed for MTLComputePipelineState", func(c *client) {
		_, e := c.commands(c.queue())
		c.msg(e, "setComputePipelineState:", 0)
	}},
	{"an argument that has been deallocated", "-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]: the MTLBuffer that was passed has been deallocated", func(c *client) {
		_, e := c.commands(c.queue())
		b := c.msg(c.device, "newBufferWithLength:options:", 4, 0)
		c.msg(b, "release")
		c.msg(e, "setBuffer:offset:atIndex:", b, 0, 0)
	}},
	{"a struct returned in a register", "-[MTLDevice maxThreadsPerThreadgroup]: it returns a structure in memory", func(c *client) {
		c.msg(c.device, "maxThreadsPerThreadgroup")
	}},
	{"a number returned as a struct", "-[MTLDevice maxBufferLength]: it doesn't return a structure in memory", func(c *client) {
		var size [3]uint64
		c.call("objc_msgSend_stret", uintptr(unsafe.Pointer(&size)), c.device, c.named("sel_registerName", "maxBufferLength"))
	}},
	{"a struct returned by nil", "objc_msgSend_stret to nil: maxThreadsPerThreadgroup", func(c *client) {
		var size [3]uint64
		c.call("objc_msgSend_stret", uintptr(unsafe.Pointer(&size)), 0, c.named("sel_registerName", "maxThreadsPerThreadgroup"))
	}},
	{"a string that was never initialised", "-[NSString UTF8String]: the NSString that was passed was never initialised", func(c *client) {
		c.msg(c.msg(c.class("NSString"), "alloc"), "UTF8String")
	}},
	{"beyond an array's end", "-[NSArray objectAtIndex:]: there is no object 1", func(c *client) {
		c.msg(c.call("MTLCopyAllDevices"), "objectAtIndex:", 1)
	}},
	{"no language version", "-[MTLDevice newLibraryWithSource:options:error:]: the options have no languageVersion", func(c *client) {
		c.compile(source, c.msg(c.class("MTLCompileOptions"), "new"))
	}},
	{"no options", "-[MTLDevice newLibraryWithSource:options:error:]: nil was passed for MTLCompileOptions", func(c *client) {
		c.compile(source, 0)
	}},
	{"managed storage", "-[MTLDevice newBufferWithLength:options:]: only shared and private storage are modelled here", func(c *client) {
		c.msg(c.device, "newBufferWithLength:options:", 4, 1<<4)
	}},
	{"an empty buffer", "-[MTLDevice newBufferWithLength:options:]: a buffer can't have 0 bytes", func(c *client) {
		c.msg(c.device, "newBufferWithLength:options:", 0, 0)
	}},
	{"host memory that begins inside a page", "must be multiples of a page of 4096 bytes", func(c *client) {
		c.msg(c.device, "newBufferWithBytesNoCopy:length:options:deallocator:", 0x10010, 4096, 0, 0)
	}},
	{"a blit's offset", "-[MTLBlitCommandEncoder copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:]: bytes 2 to 6: on macOS offsets and sizes are multiples of 4", func(c *client) {
		c.copy(2, 0, 4)
	}},
	{"a blit's size", "bytes 0 to 3: on macOS offsets and sizes are multiples of 4", func(c *client) {
		c.copy(0, 0, 3)
	}},
	{"a blit beyond the end", "bytes 60 to 68 are outside a buffer of 64", func(c *client) {
		c.copy(60, 0, 8)
	}},
	{"a blit that overlaps", "source and destination overlap", func(c *client) {
		c.copy(0, 4, 8)
	}},
	{"an empty blit", "the size is 0", func(c *client) {
		c.copy(0, 4, 0)
	}},
	{"a kernel without a pipeline", "-[MTLComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:]: there is no pipeline", func(c *client) {
		_, e := c.commands(c.queue())
		c.dispatch(e, 1, 1)
	}},
	{"a missing binding", "scale: the buffer at index 1 is missing", func(c *client) {
		e, x := c.encoder("scale")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.set(e, 2, arguments{1, 1})
		c.dispatch(e, 1, 1)
	}},
	{"a binding that the kernel doesn't have", "reverse: the buffer at index 1 was set, but the kernel has no buffer there", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 1)
		c.dispatch(e, 1, 1)
	}},
	{"an index out of range", "there are 31 indices, not 31", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 31)
	}},
	{"an offset at the end", "byte 64 is outside a buffer of 64", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 64, 0)
	}},
	{"a misaligned offset", "reverse: the buffer at index 0 begins at byte 2, which is not a multiple of 4", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 2, 0)
		c.dispatch(e, 1, 1)
	}},
	{"a misaligned constant buffer", "stray: the buffer at index 1 begins at byte 16, which is not a multiple of 32", func(c *client) {
		e, x := c.encoder("stray")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.msg(e, "setBuffer:offset:atIndex:", x, 16, 1)
		c.dispatch(e, 1, 1)
	}},
	{"too few bytes for the arguments", "scale: the buffer at index 2 has 4 bytes where the kernel has 8", func(c *client) {
		e, x := c.encoder("scale")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 1)
		n := int32(1)
		c.msg(e, "setBytes:length:atIndex:", uintptr(unsafe.Pointer(&n)), 4, 2)
		c.dispatch(e, 1, 1)
	}},
	{"a buffer smaller than an element", "scale: the buffer at index 0 has 1 bytes where the kernel has 4", func(c *client) {
		e, x := c.encoder("scale")
		c.msg(e, "setBuffer:offset:atIndex:", c.msg(c.device, "newBufferWithLength:options:", 1, 0), 0, 0)
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 1)
		c.set(e, 2, arguments{})
		c.dispatch(e, 1, 1)
	}},
	{"bytes that a kernel writes", "reverse: the buffer at index 0 was set with setBytes, and the kernel writes it", func(c *client) {
		e, _ := c.encoder("reverse")
		c.set(e, 0, arguments{})
		c.dispatch(e, 1, 1)
	}},
	{"too many bytes", "-[MTLComputeCommandEncoder setBytes:length:atIndex:]: 4097 bytes: setBytes takes 1 to 4096", func(c *client) {
		e, _ := c.encoder("scale")
		b := make([]byte, 4097)
		c.msg(e, "setBytes:length:atIndex:", uintptr(unsafe.Pointer(&b[0])), 4097, 2)
	}},
	{"threads that don't fit", "threadgroups of 1025x1x1 threads, but the pipeline allows 1024: Metal silently drops such a dispatch", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.dispatch(e, 1, 1025)
	}},
	{"threads that don't fit a small pipeline", "threadgroups of 65x1x1 threads, but the pipeline allows 64", func(c *client) {
		Play(c.t, Machine{Threads: 64})
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.dispatch(e, 1, 65)
	}},
	{"a kernel in simdgroups of 64", "reverse: the emulator has simdgroups of 32 threads, but the pipeline is set to 64", func(c *client) {
		Play(c.t, Machine{Width: 64})
		require.EqualValues(c.t, 64, c.msg(c.pipeline("reverse"), "threadExecutionWidth"))
		e, _ := c.encoder("reverse")
		c.dispatch(e, 1, 1)
	}},
	{"no threadgroups", "0x1x1 threadgroups of 1x1x1 threads are empty", func(c *client) {
		e, _ := c.encoder("reverse")
		c.dispatch(e, 0, 1)
	}},
	{"threadgroups of different sizes", "threadgroups of different sizes are not modelled here", func(c *client) {
		e, _ := c.encoder("reverse")
		c.msg(e, "dispatchThreads:threadsPerThreadgroup:", 0, 0, 0, 0, 100, 1, 1, 64, 1, 1)
	}},
	{"threadgroup memory of 8 bytes", "-[MTLComputeCommandEncoder setThreadgroupMemoryLength:atIndex:]: 8 bytes: the length must be a multiple of 16", func(c *client) {
		e, _ := c.encoder("reverse")
		c.msg(e, "setThreadgroupMemoryLength:atIndex:", 8, 0)
	}},
	{"too much threadgroup memory", "32784 bytes: the limit is 32768", func(c *client) {
		e, _ := c.encoder("reverse")
		c.msg(e, "setThreadgroupMemoryLength:atIndex:", 32784, 0)
	}},
	{"threadgroup memory that the kernel doesn't have", "reverse: the kernel has no threadgroup memory at index 0", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
		c.msg(e, "setThreadgroupMemoryLength:atIndex:", 16, 0)
		c.dispatch(e, 1, 1)
	}},
	{"an encoder that has been ended", "-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]: the encoder's endEncoding has been sent", func(c *client) {
		e, x := c.encoder("reverse")
		c.msg(e, "endEncoding")
		c.msg(e, "setBuffer:offset:atIndex:", x, 0, 0)
	}},
	{"an encoder that is never ended", "-[MTLComputeCommandEncoder release]: the encoder's endEncoding was never sent", func(c *client) {
		pool := c.call("objc_autoreleasePoolPush")
		c.commands(c.queue())
		c.call("objc_autoreleasePoolPop", pool)
	}},
	{"two encoders at a time", "-[MTLCommandBuffer blitCommandEncoder]: another encoder is open", func(c *client) {
		b, _ := c.commands(c.queue())
		c.msg(b, "blitCommandEncoder")
	}},
	{"a commit with an open encoder", "-[MTLCommandBuffer commit]: an encoder is open", func(c *client) {
		b, _ := c.commands(c.queue())
		c.msg(b, "commit")
	}},
	{"two commits", "-[MTLCommandBuffer commit]: the command buffer has been committed already", func(c *client) {
		b := c.msg(c.queue(), "commandBuffer")
		c.msg(b, "commit")
		c.msg(b, "commit")
	}},
	{"encoding after the commit", "-[MTLCommandBuffer computeCommandEncoder]: the command buffer has been committed", func(c *client) {
		b := c.msg(c.queue(), "commandBuffer")
		c.msg(b, "commit")
		c.msg(b, "computeCommandEncoder")
	}},
	{"two reservations", "-[MTLCommandBuffer enqueue]: the command buffer has been enqueued already", func(c *client) {
		b := c.msg(c.queue(), "commandBuffer")
		c.msg(b, "enqueue")
		c.msg(b, "enqueue")
	}},
	{"work that is never committed", "-[MTLCommandBuffer release]: what was encoded was never committed", func(c *client) {
		pool := c.call("objc_autoreleasePoolPush")
		x, _ := c.buffer(100)
		_, e := c.commands(c.queue())
		c.scale(e, x, x, arguments{1, 1})
		c.msg(e, "endEncoding")
		c.call("objc_autoreleasePoolPop", pool)
	}},
	{"a failure that nobody looks at", "-[MTLCommandBuffer release]: it failed, and nobody has checked its status or error since", func(c *client) {
		FailCommandBuffer(c.t, 1, OutOfMemory)
		pool := c.call("objc_autoreleasePoolPush")
		b := c.msg(c.queue(), "commandBuffer")
		c.msg(b, "commit")
		c.msg(b, "status")
		c.msg(b, "waitUntilCompleted")
		c.call("objc_autoreleasePoolPop", pool)
	}},
	{"waiting before the commit", "-[MTLCommandBuffer waitUntilCompleted]: the command buffer hasn't been committed: it would wait for ever", func(c *client) {
		c.msg(c.msg(c.queue(), "commandBuffer"), "waitUntilCompleted")
	}},
	{"waiting behind what isn't committed", "the command buffer before it was enqueued, and is never committed: it would wait for ever", func(c *client) {
		q := c.queue()
		c.msg(c.msg(q, "commandBuffer"), "enqueue")
		b := c.msg(q, "commandBuffer")
		c.msg(b, "commit")
		c.msg(b, "waitUntilCompleted")
	}},
	{"too many command buffers", "-[MTLCommandQueue commandBuffer]: all of the queue's 64 command buffers are in use, and none completes: it would wait for ever", func(c *client) {
		q := c.queue()
		for range 65 {
			c.msg(q, "commandBuffer")
		}
	}},
	{"references that aren't retained", "-[MTLCommandQueue commandBufferWithUnretainedReferences]: what such a command buffer uses may be deallocated", func(c *client) {
		c.msg(c.queue(), "commandBufferWithUnretainedReferences")
	}},
	{"another device's buffer", "-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]: the buffer is another device's", func(c *client) {
		Play(c.t, Machine{Devices: 2})
		e, _ := c.encoder("reverse")
		other := c.msg(c.call("MTLCopyAllDevices"), "objectAtIndex:", 1)
		c.msg(e, "setBuffer:offset:atIndex:", c.msg(other, "newBufferWithLength:options:", 4, 0), 0, 0)
	}},
	{"contents of a deallocated buffer", "the host touched byte 0 of a buffer that has been deallocated", func(c *client) {
		b := c.msg(c.device, "newBufferWithLength:options:", 64, 0)
		at := c.msg(b, "contents")
		c.msg(b, "release")
		**(**byte)(unsafe.Pointer(&at)) = 1
	}},
	{"contents beyond a buffer's pages", "the host touched byte 4096 of a buffer, which had 64", func(c *client) {
		at := c.msg(c.msg(c.device, "newBufferWithLength:options:", 64, 0), "contents") + 4096
		**(**byte)(unsafe.Pointer(&at)) = 1
	}},
	{"a host that writes behind a buffer", "-[MTLBuffer release]: byte 65 of a buffer of 64 was written", func(c *client) {
		b := c.msg(c.device, "newBufferWithLength:options:", 64, 0)
		at := c.msg(b, "contents") + 65
		**(**byte)(unsafe.Pointer(&at)) = 1
		c.msg(b, "release")
	}},
	{"a kernel that writes behind its buffer", "the kernel stray: byte 64 of a buffer of 64 was written", func(c *client) {
		c.stray("stray", 16)
	}},
	{"a kernel that writes far behind its buffer", "the kernel stray touched byte 4096 of a buffer, which had 64", func(c *client) {
		c.stray("stray", 1024)
	}},
	{"a kernel that writes anywhere", "the kernel astray touched 0x", func(c *client) {
		c.stray("astray", 1024)
	}},
}

func TestBreakingARuleEndsTheProcessByName(t *testing.T) {
	newClient(t).pipeline("scale") // the fake and the kernels are built once
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			command := exec.Command(os.Args[0], "-test.run", "^TestBreakARule$")
			command.Env = append(os.Environ(), "FAKE_METAL_RULE="+r.name)
			said, err := command.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(said), "fake Metal: ")
			require.Contains(t, string(said), r.want)
		})
	}
}

// TestBreakARule is the process started by the test above; otherwise it does nothing.
func TestBreakARule(t *testing.T) {
	for _, r := range rules {
		if r.name == os.Getenv("FAKE_METAL_RULE") {
			r.breaks(newClient(t))
		}
	}
}

// onAnotherThread runs a function on a thread without a pool.
func onAnotherThread(f func()) {
	done := make(chan bool)
	go func() {
		f()
		close(done)
	}()
	<-done
}

// copy encodes a copy within a buffer of 64 bytes.
func (c *client) copy(from, to, size uintptr) {
	x, _ := c.buffer(16)
	encoder := c.msg(c.msg(c.queue(), "commandBuffer"), "blitCommandEncoder")
	c.msg(encoder, "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:", x, from, x, to, size)
}

// encoder returns one with a kernel's pipeline and a buffer of 64 bytes.
func (c *client) encoder(kernel string) (encoder, buffer uintptr) {
	x, _ := c.buffer(16)
	_, encoder = c.commands(c.queue())
	c.msg(encoder, "setComputePipelineState:", c.pipeline(kernel))
	return encoder, x
}

// stray makes a kernel write a float outside a buffer of 64 bytes.
func (c *client) stray(kernel string, index int32) {
	x, _ := c.buffer(16)
	buffer, encoder := c.commands(c.queue())
	c.msg(encoder, "setComputePipelineState:", c.pipeline(kernel))
	c.msg(encoder, "setBuffer:offset:atIndex:", x, 0, 0)
	c.set(encoder, 1, arguments{index, 1})
	c.dispatch(encoder, 1, 1)
	c.commit(buffer, encoder)
	c.msg(buffer, "waitUntilCompleted")
}
