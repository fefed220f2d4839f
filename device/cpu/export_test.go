package cpu

// SetLimit sets the memory limit.
func (d *Device) SetLimit(bytes int64) { d.budget.Limit = bytes }
