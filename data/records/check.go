package records

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// CheckFill says what is wrong with the rule for a field's missing values.
func CheckFill(f *table.Field) []table.Problem {
	wrong := func(help, format string, args ...any) []table.Problem {
		return []table.Problem{{At: f.At, Message: fmt.Sprintf("field %s: ", f.Name) + fmt.Sprintf(format, args...), Help: help}}
	}
	d, classes := f.Type.DType, f.Classes != nil
	if d == ir.Invalid {
		return nil // reported
	}
	switch f.Fill.By {
	case table.FillMean, table.FillMedian:
		switch {
		case classes:
			return wrong("fill it with one of its classes, or drop the rows", "classes have no %s", f.Fill.By)
		case !d.IsFloat():
			return wrong("fill it with a value, drop the rows, or declare the field as f32", "the %s of %s values is no %s in general", f.Fill.By, d, d)
		}
	case table.FillValue:
		v := f.Fill.Value
		switch {
		case classes:
			return wrong("fill it with the text of a class", "%v is a number, and its values are texts", v)
		case d.IsFloat():
			if math.IsInf(narrow(d, v), 0) && !math.IsInf(v, 0) {
				return wrong("", "%v is out of the range of %s (%s)", v, d, Range(d))
			}
		case v != math.Trunc(v) || math.Abs(v) > 1<<53 || !PutInt(make([]byte, 8), d, int64(v)):
			return wrong("", "%v is no %s (%s)", v, d, Range(d))
		}
	case table.FillText:
		switch {
		case !classes:
			return wrong("fill it with a number, or declare its classes", "%s is a text, and its values are numbers", diag.Quote(f.Fill.Text))
		case f.Classes.Names != nil && f.Classes.Unknown < 0 && !slices.Contains(f.Classes.Names, f.Fill.Text):
			return wrong(diag.Suggestion(f.Fill.Text, f.Classes.Names), "%s is none of its classes", diag.Quote(f.Fill.Text))
		}
	}
	return nil
}
