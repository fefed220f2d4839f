package cpu

// SetLimit caps the bytes allocated at one time.
func (d *Device) SetLimit(bytes int64) { d.budget.Limit = bytes }
