package device

import "fmt"

// BindCopy prepares a copy between any two slices, through the host if the devices can't
// copy to each other.
func BindCopy(dst, src Slice) (Command, error) {
	if dst.Bytes != src.Bytes {
		return nil, fmt.Errorf("device: a copy of %d bytes into %d", src.Bytes, dst.Bytes)
	}
	to, from := dst.Buffer.Device(), src.Buffer.Device()
	if err := dst.Check(to); err != nil {
		return nil, err
	}
	if err := src.Check(from); err != nil {
		return nil, err
	}
	if to == from {
		return to.BindWithin(dst, src)
	}
	// Read once: the memory may be freed meanwhile.
	if memory := src.Host(); memory != nil {
		return to.BindFromHost(dst, memory)
	}
	if memory := dst.Host(); memory != nil {
		return from.BindToHost(memory, src)
	}
	if peer, ok := to.(Peer); ok {
		if c, err := peer.BindFromPeer(dst, src); c != nil || err != nil {
			return c, err
		}
	}
	staging := make([]byte, src.Bytes)
	down, err := from.BindToHost(staging, src)
	if err != nil {
		return nil, err
	}
	up, err := to.BindFromHost(dst, staging)
	if err != nil {
		return nil, err
	}
	return staged{down, up}, nil
}

// CheckCopy returns an error if the slice can't be one side of a copy of that many bytes.
func (s Slice) CheckCopy(d Device, bytes int64) error {
	if err := s.Check(d); err != nil {
		return err
	}
	if s.Bytes != bytes {
		return fmt.Errorf("device %s: a copy between %d bytes and %d", d.Name(), s.Bytes, bytes)
	}
	return nil
}

// CheckApart returns an error if the two sides of a copy overlap.
func (s Slice) CheckApart(d Device, src Slice) error {
	if s.overlaps(src) {
		return fmt.Errorf("device %s: a copy of %d bytes from byte %d to byte %d of the same buffer overlaps itself",
			d.Name(), src.Bytes, src.Offset, s.Offset)
	}
	return nil
}

// staged is a copy through the host.
type staged struct{ down, up Command }

// Run runs both parts.
func (s staged) Run() error {
	if err := s.down.Run(); err != nil {
		return err
	}
	return s.up.Run()
}
