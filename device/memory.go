package device

import (
	"fmt"
	"unsafe"
)

// Alignment is the alignment of host memory that drivers hand out: a cache
// line, and the widest vector register.
const Alignment = 64

// HostMemory gives aligned, zeroed memory of the host. The caller has made sure
// that there is as much.
func HostMemory(bytes int64) []byte {
	raw := make([]byte, bytes+Alignment-1)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(raw))) % Alignment
	return raw[skip : int64(skip)+bytes : int64(skip)+bytes]
}

// Budget accounts for a device's memory.
type Budget struct {
	Limit int64 // bytes; 0 means none
	InUse int64
	Peak  int64 // the most that was in use at one time
	Live  int   // buffers not freed
}

// Take accounts for a new buffer, or says why it doesn't fit.
func (b *Budget) Take(device string, bytes int64) error {
	if bytes < 0 {
		return fmt.Errorf("device %s: a buffer can't have %d bytes", device, bytes)
	}
	if b.Limit > 0 && bytes > b.Limit-b.InUse {
		return fmt.Errorf("device %s: out of memory: %d bytes requested, %d of %d free",
			device, bytes, b.Limit-b.InUse, b.Limit)
	}
	b.InUse += bytes
	b.Peak = max(b.Peak, b.InUse)
	b.Live++
	return nil
}

// Give accounts for a freed buffer.
func (b *Budget) Give(bytes int64) {
	b.InUse -= bytes
	b.Live--
}
