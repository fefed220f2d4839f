package metal

import (
	"fmt"
	"slices"
)

// batch is a command buffer with one compute encoder and many launches, since a boundary
// between command buffers reportedly costs some 20 µs.
type batch struct {
	number   uint64 // increasing
	buffer   object // the MTLCommandBuffer; 0 if there is none
	encoder  object // 0 once it has ended
	pipeline object // currently set
	launches int
	bytes    int64 // of memory that the launches use
}

// The device starts a batch when it is committed. A batch is full when the device has
// enough work for the host to encode the next one meanwhile: at a number of launches, or
// fewer if they use much memory. The number of batches in flight is limited, too. The
// numbers are guesses, not measured on a Mac.
const (
	batchLaunches = 64
	batchBytes    = 64 << 20
	maxFlight     = 8
)

// encode opens a batch if none is open.
func (d *Device) encode() error {
	b := &d.open
	if b.buffer != 0 {
		return nil
	}
	if b.buffer = d.objc.keep(d.commands, commandBuffer); b.buffer == 0 {
		return d.objc.failed(commandBuffer, 0, nil)
	}
	// An encoder of this kind runs its dispatches in order.
	if b.encoder = d.objc.keep(b.buffer, computeCommandEncoder); b.encoder == 0 {
		d.objc.give(commandBuffer, &b.buffer)
		return d.objc.failed(computeCommandEncoder, 0, nil)
	}
	b.number = d.last + 1
	return nil
}

// encoded counts a launch in the open batch, which is committed if it is full.
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

// commit commits the open batch, if there is one.
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

// retire waits for the oldest batch in flight, and returns its outcome.
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

// outcome returns the error of a completed command buffer.
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

// look retires completed batches, without waiting for others.
func (d *Device) look() error {
	for len(d.flight) > 0 && d.objc.send(d.flight[0].buffer, status) >= statusCompleted {
		if err := d.retire(); err != nil {
			return d.late(err)
		}
	}
	return nil
}

// until waits for a batch and those before it.
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

// wait waits for everything, and returns the error of the first failed batch.
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

// late returns the error for a failed batch. Later batches run to their end, since the
// documentation doesn't say that a command buffer may be dropped.
func (d *Device) late(err error) error {
	_ = d.wait() // one failure is reported
	return d.queue.Late(err)
}
