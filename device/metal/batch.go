package metal

import (
	"fmt"
	"slices"
)

// batch is a command buffer with one compute encoder: many launches, since a
// boundary between command buffers is said to cost some 20 µs.
type batch struct {
	number   uint64 // they count up
	buffer   object // the MTLCommandBuffer; 0 if there is none
	encoder  object // 0 once it has ended
	pipeline object // that is set
	launches int
	bytes    int64 // of memory that they use
}

// The device begins with a batch when it is committed. So one ends when it has
// enough to do for the host to encode the next meanwhile: after so many launches,
// or fewer if they have much memory to go through. Of batches that are under way
// so many are kept: the host is ahead by enough, and what waits is bounded. The
// numbers are guesses that no Mac has been asked about.
const (
	batchLaunches = 64
	batchBytes    = 64 << 20
	maxFlight     = 8
)

// encode opens a batch, unless one is open.
func (d *Device) encode() error {
	b := &d.open
	if b.buffer != 0 {
		return nil
	}
	if b.buffer = d.objc.keep(d.commands, commandBuffer); b.buffer == 0 {
		return d.objc.failed(commandBuffer, 0, nil)
	}
	// An encoder of this kind runs what it is given one by one, in order.
	if b.encoder = d.objc.keep(b.buffer, computeCommandEncoder); b.encoder == 0 {
		d.objc.give(commandBuffer, &b.buffer)
		return d.objc.failed(computeCommandEncoder, 0, nil)
	}
	b.number = d.last + 1
	return nil
}

// encoded notes a launch in the open batch, which is committed if it is full.
func (d *Device) encoded(bytes int64) error {
	b := &d.open
	b.launches++
	b.bytes += bytes
	if b.launches < batchLaunches && b.bytes < batchBytes {
		return nil
	}
	d.commit()
	if err := d.look(); err != nil {
		return err
	}
	for len(d.flight) > maxFlight {
		if err := d.retire(); err != nil {
			return d.late(err)
		}
	}
	return nil
}

// commit hands the open batch to the device, if there is one.
func (d *Device) commit() {
	if d.open.buffer == 0 {
		return
	}
	d.objc.send(d.open.encoder, endEncoding)
	d.objc.give(computeCommandEncoder, &d.open.encoder)
	d.objc.send(d.open.buffer, commit)
	d.flight = append(d.flight, d.open)
	d.last, d.open = d.open.number, batch{}
}

// retire waits for the oldest batch under way, and gives what became of it.
func (d *Device) retire() error {
	b := d.flight[0]
	d.objc.send(b.buffer, waitUntilCompleted)
	err := d.outcome(b.buffer)
	d.objc.give(commandBuffer, &b.buffer)
	d.flight = slices.Delete(d.flight, 0, 1)
	d.done = b.number
	if loses(err) && d.lost == nil {
		d.lost = err
	}
	return err
}

// outcome is the error of a command buffer that has ended.
func (d *Device) outcome(buffer object) error {
	if !d.objc.asks(status) {
		return d.objc.failed(status, 0, nil)
	}
	switch s := d.objc.send(buffer, status); s {
	case statusCompleted:
		return nil
	case statusError:
		return d.objc.failed(status, object(d.objc.send(buffer, failure)), commandBufferErrors)
	default:
		return fmt.Errorf("%v: %d, though it has been waited for; %d (completed) was expected", status, s, statusCompleted)
	}
}

// look retires batches that have ended, without waiting for others.
func (d *Device) look() error {
	for len(d.flight) > 0 && d.objc.send(d.flight[0].buffer, status) >= statusCompleted {
		if err := d.retire(); err != nil {
			return d.late(err)
		}
	}
	return nil
}

// until waits until a batch has ended, and those before it.
func (d *Device) until(number uint64) error {
	if number > d.last {
		d.commit()
	}
	for d.done < number && len(d.flight) > 0 {
		if err := d.retire(); err != nil {
			return d.late(err)
		}
	}
	return nil
}

// wait waits for everything. Its error is that of the first batch that failed.
func (d *Device) wait() error {
	d.commit()
	var first error
	for len(d.flight) > 0 {
		if err := d.retire(); first == nil {
			first = err
		}
	}
	return first
}

// late is the failure of a batch. What came after it runs to its end, since the
// documentation doesn't say that a command buffer may be dropped.
func (d *Device) late(err error) error {
	_ = d.wait() // one failure is told
	return d.queue.Late(err)
}
