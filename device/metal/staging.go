package metal

import (
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// staging is memory for what the host hands over while the device is busy: what is
// written to a buffer that queued work uses lies there until the device copies it,
// in its turn. A piece is used again when the last batch that reads it has ended.
type staging struct {
	pieces []*stagingPiece // the one in use last
}

type stagingPiece struct {
	object object
	memory []byte
	taken  int
	used   uint64 // the last batch that reads it
}

const (
	stagingBytes  = 1 << 20 // of a piece; larger copies are worth the wait
	stagingPieces = 16
)

// reserve finds room for the open batch to read, aligned for constants too.
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

// piece gives a piece with room: the one in use, a free one, a new one, or the oldest.
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
	staged *launch // out of the staging memory; nil for what is too large for that
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

// Run writes the memory itself if no queued work uses it, and else queues a copy.
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

// stage queues a copy out of the staging memory.
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
		c.staged = launches[0] // a piece of staging memory isn't large enough for two
	}
	c.staged.objects[0], c.staged.offsets[0] = from.object, uintptr(from.offset)
	return c.staged.encode()
}
