package device

// Capturer is a device that can make one command of many, so that running them
// all costs the host as much as running one.
type Capturer interface {
	Device
	// Captures reports whether a command can be part of a capture: it is one of
	// this device, and the host has no part in it.
	Captures(Command) bool
	// Capture makes a capture of commands, in this order, without running them.
	// All of them must be such that Captures says so.
	Capture([]Command) (Capture, error)
}

// Capture is commands that were captured. Running it does what running them in
// their order does, bit for bit. If Run fails, and not with a *[Late], none of
// them has run.
type Capture interface {
	Command
	// Free gives the capture back, but not what it was made of. What is queued
	// still runs. A second call does nothing.
	Free()
}

// Peer is a device that can fetch from some other devices without the host.
type Peer interface {
	Device
	// BindFromPeer prepares a copy from another device's memory. The command is
	// nil, without an error, if the device can't reach that one.
	BindFromPeer(dst, src Slice) (Command, error)
}
