// Package metal drives Apple GPUs.
//
// Metal and the Objective-C runtime are opened at run time; building needs neither a C
// compiler nor Xcode. The package builds for every system, and on others reports that
// Metal is part of macOS. With the tag nogpu nothing is opened.
//
// None of it has run on a Mac so far. It was written from Apple's documentation, and
// tests run it on a fake Metal for Linux (internal/fakegpu/metal); the Go source is the
// same, except for library names and the calling conventions in objc.go.
//
// # Memory
//
// All buffers are in shared storage, which the host can address. On Apple silicon that is
// all the memory there is. A copy from the host writes the buffer directly if no queued
// work uses it, and otherwise is queued through a staging buffer. A copy to the host
// waits for all queued work. A Mac whose GPU has its own memory works too, but its
// kernels access host memory over the bus: Info.Unified is false there.
//
// # Batches
//
// A launch is encoded, and runs once its command buffer is committed: when that has
// enough work, or when something waits. The number of command buffers in flight is
// limited. Within an encoder launches run one after the other; between command buffers
// Metal tracks hazards through the buffers they use.
//
// There are no captures: Metal's only way to reuse encoded work is indirect command
// buffers, which don't support setBytes. A launch takes four messages, or three if it
// uses the same kernel as the one before.
//
// # Threads and pools
//
// Autoreleased objects live until the thread's autorelease pool is popped. So each method
// of a device locks its goroutine to a thread, with a pool around it. Calls of a device
// are serialized.
//
// # Failures
//
// Messages don't fail, but may return nil, perhaps with an NSError: that is an [Error]
// with the selector. A failed command buffer is detected when it is waited for or seen to
// have ended: that is a [device.Late]. After some failures the process can no longer use
// the device: then every further call returns the cause, and freeing and closing still
// release everything. Metal silently drops work that exceeds a limit, so all limits are
// checked when a launch is bound.
//
// # Objects
//
// Every owned object has one owner, which releases it: the device its queue, pipelines,
// staging buffers and batches; a buffer its MTLBuffer. Launches have none: a command
// buffer retains what it uses until it has ended. A command that uses a freed buffer
// fails. After Close nothing is left.
package metal
