package metal

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// Copies on the device use a kernel instead of a blit encoder: on macOS the latter
// requires multiples of 4 bytes, and would end the compute encoder.
//
//go:embed copy.metal
var copySource string

// copyUnit is the element of a copy.
type copyUnit struct {
	bytes int64
	name  string
}

var copyUnits = []copyUnit{{16, "uint4"}, {4, "uint"}, {1, "uchar"}}

const (
	copyGroup = 256
	copyMost  = 1 << 30 // units per launch, as kernels count in 32 bits
)

// copying returns the kernel for a unit.
func (d *Device) copying(unit copyUnit) (*pipeline, error) {
	key := "a copy by " + unit.name
	if p := d.pipelines[key]; p != nil {
		return p, nil
	}
	p, err := d.build("#define UNIT "+unit.name+"\n#line 1 \"copy.metal\"\n"+copySource, "flowrun_copy")
	if err != nil {
		return nil, err
	}
	d.pipelines[key] = p
	return p, nil
}

// copyLaunches prepares the launches of a copy. buffers are those that can be freed.
func (d *Device) copyLaunches(names []string, to, from position, bytes int64, buffers ...*buffer) ([]*launch, error) {
	var unit copyUnit
	for _, unit = range copyUnits {
		if (to.offset|from.offset|bytes)%unit.bytes == 0 {
			break
		}
	}
	p, err := d.copying(unit)
	if err != nil {
		return nil, err
	}
	var launches []*launch
	for at := int64(0); at < bytes; at += copyMost * unit.bytes {
		n := min((bytes-at)/unit.bytes, copyMost)
		group := min(copyGroup, p.group)
		launches = append(launches, &launch{device: d, names: names, what: names[0], pipeline: p.state, buffers: buffers,
			objects: []object{from.object, to.object}, offsets: []uintptr{uintptr(from.offset + at), uintptr(to.offset + at)},
			values: binary.LittleEndian.AppendUint32(nil, uint32(n)), bytes: 2 * n * unit.bytes,
			sizes: [2]size{{uint(n+int64(group)-1) / uint(group), 1, 1}, {uint(group), 1, 1}}})
	}
	return launches, nil
}

// position is an offset in an MTLBuffer.
type position struct {
	object object
	offset int64
}

// BindWithin prepares a copy inside the device's memory.
func (d *Device) BindWithin(dst, src device.Slice) (device.Command, error) {
	to, err := d.side(dst, src.Bytes)
	if err != nil {
		return nil, err
	}
	from, err := d.side(src, dst.Bytes)
	if err != nil || src.Bytes == 0 || dst == src {
		return calls.Nothing, err
	}
	if err := dst.CheckApart(d, src); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	launches, err := d.copyLaunches([]string{"a copy within the device"}, position{to.object, dst.Offset}, position{from.object, src.Offset}, src.Bytes, to, from)
	if err != nil {
		return nil, fmt.Errorf("device %s: a copy within the device: %w", d.Name(), err)
	}
	return calls.Command(launches), nil
}

// download is a bound copy to the host.
type download struct {
	buffer *buffer
	offset int64
	to     []byte
}

// BindToHost prepares a copy out of the device's memory.
func (d *Device) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	b, err := d.side(src, int64(len(dst)))
	if err != nil || len(dst) == 0 {
		return calls.Nothing, err
	}
	return &download{b, src.Offset, dst}, nil
}

// Run waits for all queued work, and copies.
func (c *download) Run() error {
	d := c.buffer.device
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if c.buffer.object == 0 {
		return calls.Freed(d, "a copy to the host")
	}
	if err := d.queue.Finish(); err != nil {
		return err
	}
	copy(c.to, c.buffer.memory[c.offset:])
	return nil
}

// side returns the buffer on one side of a copy of that many bytes.
func (d *Device) side(s device.Slice, bytes int64) (*buffer, error) {
	if err := s.CheckCopy(d, bytes); err != nil {
		return nil, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return nil, err
	}
	return d.own(s)
}

// staging holds copies from the host while the device is busy: data for a buffer that
// queued work uses is staged until the device copies it in order. A piece is reused once
// the last batch that reads it has ended.
type staging struct {
	pieces []*stagingPiece // the current one last
}

type stagingPiece struct {
	object object
	memory []byte
	taken  int
	used   uint64 // number of the last batch that reads it
}

const (
	stagingBytes  = 1 << 20 // of a piece; larger copies wait instead
	stagingPieces = 16
)

// reserve finds space for the open batch to read, aligned for constants too.
func (d *Device) reserve(bytes int) (position, []byte, error) {
	p, err := d.piece(bytes)
	if err != nil {
		return position{}, nil, err
	}
	at := p.taken
	p.taken = min(stagingBytes, at+(bytes+constantAlignment-1)&^(constantAlignment-1))
	p.used = d.last + 1
	return position{p.object, int64(at)}, p.memory[at : at+bytes], nil
}

// piece returns a piece with enough space: the current one, a free one, a new one, or the
// oldest.
func (d *Device) piece(bytes int) (*stagingPiece, error) {
	s := &d.staging
	if n := len(s.pieces); n > 0 && bytes <= stagingBytes-s.pieces[n-1].taken {
		return s.pieces[n-1], nil
	}
	if err := d.look(); err != nil {
		return nil, err
	}
	if len(s.pieces) > 0 && (s.pieces[0].used <= d.done || len(s.pieces) == stagingPieces) {
		p := s.pieces[0]
		if err := d.until(p.used); err != nil {
			return nil, err
		}
		p.taken = 0
		s.pieces = append(slices.Delete(s.pieces, 0, 1), p)
		return p, nil
	}
	o, memory, err := d.memory(stagingBytes)
	if err != nil {
		return nil, d.queue.Failed("memory for copies from the host", err)
	}
	p := &stagingPiece{object: o, memory: memory}
	s.pieces = append(s.pieces, p)
	return p, nil
}

func (d *Device) freeStaging() {
	for _, p := range d.staging.pieces {
		d.objc.give(newBuffer, &p.object)
	}
	d.staging.pieces = nil
}

// upload is a bound copy from the host.
type upload struct {
	buffer *buffer
	offset int64
	from   []byte
	staged *launch // from the staging memory; nil if the copy is too large for it
}

var uploadNames = []string{"a copy from the host"}

// BindFromHost prepares a copy into the device's memory.
func (d *Device) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	b, err := d.side(dst, int64(len(src)))
	if err != nil || len(src) == 0 {
		return calls.Nothing, err
	}
	return &upload{buffer: b, offset: dst.Offset, from: src}, nil
}

// Run writes the memory directly if no queued work uses it; otherwise it queues a copy.
func (c *upload) Run() error {
	d := c.buffer.device
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	b := c.buffer
	if b.object == 0 {
		return calls.Freed(d, uploadNames[0])
	}
	if b.used > d.done {
		if err := d.look(); err != nil {
			return err
		}
	}
	if b.used > d.done {
		if len(c.from) <= stagingBytes {
			return c.stage()
		}
		if err := d.until(b.used); err != nil {
			return err
		}
	}
	copy(b.memory[c.offset:], c.from)
	return nil
}

// stage queues a copy from the staging memory.
func (c *upload) stage() error {
	d := c.buffer.device
	if err := d.queue.Note(uploadNames); err != nil {
		return err
	}
	from, room, err := d.reserve(len(c.from))
	if err != nil {
		return err
	}
	copy(room, c.from)
	if c.staged == nil {
		launches, err := d.copyLaunches(uploadNames, position{c.buffer.object, c.offset}, from, int64(len(c.from)), c.buffer)
		if err != nil {
			return d.queue.Failed(uploadNames[0], err)
		}
		c.staged = launches[0] // a piece is too small to need two
	}
	c.staged.objects[0], c.staged.offsets[0] = from.object, uintptr(from.offset)
	return c.staged.encode()
}
