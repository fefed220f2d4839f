// Package metal drives Apple's GPUs.
//
// Metal's framework and Objective-C's runtime are opened at run time, and neither a
// C compiler nor Xcode is needed to build this package: it is built for every
// system, and says on the others that Metal is part of macOS. Builds with the tag
// nogpu have the package without the loading.
//
// None of it has run on a Mac so far. It was written from Apple's documentation, and
// tests run it on a fake Metal for Linux (internal/fakegpu/metal); the Go source is the
// same, but for the names of libraries and the calling conventions in objc.go.
//
// # Memory
//
// All buffers are in shared storage: memory that the host has too. On Apple silicon
// that is all the memory there is, and a copy from the host is a copy of bytes, into
// the buffer itself when no queued work uses it, and else by way of a staging
// buffer, in the order of the queue. A copy to the host waits for all that is queued.
// A Mac with a GPU that has memory of its own works too, but its kernels then reach
// over the bus: Info.Unified is false there.
//
// # Batches
//
// A launch is a message to an encoder, and runs once the encoder's command buffer is
// committed: when it has enough in it, and when something waits. So many are under
// way at most. Within an encoder one launch runs after the other, and Metal has
// batches wait for each other by the buffers that they use.
//
// There are no captures: Metal has no way to keep what has been encoded for another
// time but indirect command buffers, which take no bytes of arguments. A launch is
// four messages, or three where the kernel is that of the launch before.
//
// # Threads and pools
//
// What messages give without its being owned lives until the autorelease pool of
// the thread is popped. So each of a device's methods keeps its goroutine on its
// thread while it runs, with a pool around it. A device's calls take turns.
//
// # Failures
//
// Messages don't fail, but may give no object, and perhaps an NSError: that is an
// [Error] with the message's selector. A command buffer that has failed is detected
// when it is waited for, or when it is seen to have ended: that is a [device.Late].
// After some failures the process can't use the device any more: then every further
// call gives the cause, and freeing and closing still give everything back. What
// exceeds a limit Metal drops in silence, so all limits are checked when a launch is
// bound.
//
// # Objects
//
// Every owned object has one owner, which releases it: the device its queue,
// pipelines, staging buffers and batches; a buffer its MTLBuffer. Launches have
// none: a command buffer keeps what it uses until it has ended. A command that uses
// a freed buffer fails, and after Close nothing is left.
package metal
