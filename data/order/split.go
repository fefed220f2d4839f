package order

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// Column is a field of classes that a split depends on.
type Column struct {
	Texts []string // by code
	// Scan gives the codes of all examples, in their order, piece by piece.
	Scan func(each func(codes []int32) error) error
}

// Examples are what is split.
type Examples struct {
	N       int64
	Overlap int64                              // how many examples before one may share values with it
	Column  func(field string) (Column, error) // a field of classes
	Note    func(string)                       // is told which examples are in no part; nil: nobody
}

// Split gives the rows of a part of a split. That it is empty is an error, and so is that
// another part is.
func Split(s *table.Split, x Examples, part string) (Rows, error) {
	at := slices.IndexFunc(s.Parts, func(p table.Part) bool { return p.Name == part })
	if at < 0 {
		return Rows{}, fmt.Errorf("there is no part %s", diag.Quote(part))
	}
	switch {
	case s.By != "":
		return by(s, x, at)
	case s.InOrder:
		return inOrder(s, x, at)
	case s.Stratify != "":
		return stratified(s, x, at)
	}
	counts, empty := apportion(s.Parts, x.N, false)
	if empty != nil {
		return Rows{}, fmt.Errorf("the part %s would have no example: there are %d, and %v of them is too few; change the fractions", empty.Name, x.N, empty.Fraction)
	}
	d := dealer{left: counts}
	d.random.Seed(KeyOf("split", "", s.Seed, x.N))
	rows := newSet(x.N)
	for row := range x.N {
		if d.deal() == at {
			rows.add(row)
		}
	}
	return rows.rows(), nil
}

// dealer puts examples into parts one after the other: each into a part with the
// probability of what the part still needs, so all ways to divide them are as likely.
type dealer struct {
	left   []int64
	random draws
}

func (d *dealer) deal() int {
	total := int64(0)
	for _, n := range d.left {
		total += n
	}
	drawn := int64(d.random.below(uint64(total)))
	for i, n := range d.left {
		if drawn < n {
			d.left[i]--
			return i
		}
		drawn -= n
	}
	return -1 // as many are dealt as there are
}

// apportion divides n examples by fractions, each part within 1 of its fraction: rounded
// down, and those that are left go to the largest remainders; with filled, first to parts
// that have none. The last count is of what no part has. It gives a part that is empty.
func apportion(parts []table.Part, n int64, filled bool) (counts []int64, empty *table.Part) {
	fractions := make([]float64, 0, len(parts)+1)
	rest := 1.0
	for _, p := range parts {
		fractions = append(fractions, p.Fraction)
		rest -= p.Fraction
	}
	if rest < 1e-9 {
		rest = 0
	}
	fractions = append(fractions, rest)

	counts = make([]int64, len(fractions))
	remainders := make([]float64, len(fractions))
	left := n
	for i, f := range fractions {
		ideal := f * float64(n)
		if whole := math.Round(ideal); math.Abs(ideal-whole) < 1e-9*max(1, ideal) { // 0.29 of 100 are 29
			ideal = whole
		}
		counts[i] = min(int64(ideal), left)
		remainders[i] = ideal - float64(counts[i])
		left -= counts[i]
	}
	for i := range parts {
		if filled && counts[i] == 0 && left > 0 {
			counts[i], remainders[i] = 1, -1
			left--
		}
	}
	for ; left > 0; left-- {
		most := 0
		for i, r := range remainders {
			if r > remainders[most] {
				most = i
			}
		}
		counts[most]++
		remainders[most]--
	}
	for i := range parts {
		if counts[i] == 0 {
			return nil, &parts[i]
		}
	}
	return counts, nil
}

// inOrder gives a part of those that follow each other.
func inOrder(s *table.Split, x Examples, at int) (Rows, error) {
	counts, empty := apportion(s.Parts, x.N, false)
	if empty != nil {
		return Rows{}, fmt.Errorf("the part %s would have no example: there are %d, and %v of them is too few; change the fractions", empty.Name, x.N, empty.Fraction)
	}
	first := int64(0)
	var rows Rows
	for i, p := range s.Parts {
		n := counts[i]
		if i < len(s.Parts)-1 {
			n -= x.Overlap
		}
		if n <= 0 {
			return Rows{}, fmt.Errorf("the part %s would have no example: of its %d, the last %d share values with the next part's first; change the fractions, or use a larger stride", p.Name, counts[i], x.Overlap)
		}
		if i == at {
			rows = Range(first, n)
		}
		first += counts[i]
	}
	return rows, nil
}

// by gives the examples whose texts a part lists.
func by(s *table.Split, x Examples, at int) (Rows, error) {
	c, err := x.Column(s.By)
	if err != nil {
		return Rows{}, err
	}
	partOf := make([]int, len(c.Texts))
	for code, text := range c.Texts {
		partOf[code] = slices.IndexFunc(s.Parts, func(p table.Part) bool { return slices.Contains(p.Values, text) })
	}
	counts, members := make([]int64, len(s.Parts)), make([]int64, len(c.Texts))
	rows, row := newSet(x.N), int64(0)
	err = c.Scan(func(codes []int32) error {
		for _, code := range codes {
			members[code]++
			if p := partOf[code]; p >= 0 {
				counts[p]++
				if p == at {
					rows.add(row)
				}
			}
			row++
		}
		return nil
	})
	if err != nil {
		return Rows{}, err
	}
	if x.Note != nil {
		noteUnlisted(s, x, c.Texts, partOf, members)
	}
	if i := slices.Index(counts, 0); i >= 0 {
		return Rows{}, fmt.Errorf("the part %s has no example: in none of %d is %s %s; its values are %s",
			s.Parts[i].Name, x.N, s.By, quoted(s.Parts[i].Values), quoted(c.Texts))
	}
	return rows.rows(), nil
}

// noteUnlisted notes examples that no part lists, and texts that are listed but never occur.
func noteUnlisted(s *table.Split, x Examples, texts []string, partOf []int, members []int64) {
	left, unlisted := int64(0), []string(nil)
	for code, text := range texts {
		if partOf[code] < 0 && members[code] > 0 {
			left, unlisted = left+members[code], append(unlisted, text)
		}
	}
	if left > 0 {
		x.Note(fmt.Sprintf("%d of %d examples are in no part of the split: no part lists %s %s", left, x.N, s.By, quoted(unlisted)))
	}
	for _, p := range s.Parts {
		var never []string
		for _, v := range p.Values {
			if code := slices.Index(texts, v); code < 0 || members[code] == 0 {
				never = append(never, v)
			}
		}
		if len(never) > 0 {
			x.Note(fmt.Sprintf("the part %s of the split lists %s, which %s never is", p.Name, quoted(never), s.By))
		}
	}
}

// stratified deals the examples of each class by themselves.
func stratified(s *table.Split, x Examples, at int) (Rows, error) {
	c, err := x.Column(s.Stratify)
	if err != nil {
		return Rows{}, err
	}
	members := make([]int64, len(c.Texts))
	err = c.Scan(func(codes []int32) error {
		for _, code := range codes {
			members[code]++
		}
		return nil
	})
	if err != nil {
		return Rows{}, err
	}
	dealers := make([]dealer, len(members))
	for code, n := range members {
		if n == 0 {
			continue
		}
		counts, empty := apportion(s.Parts, n, true)
		if empty != nil {
			return Rows{}, fmt.Errorf("the part %s would have no example of the class %s of %s: there are %d, too few for %d parts with these fractions; change them, leave out the class, or don't stratify",
				empty.Name, diag.Quote(c.Texts[code]), s.Stratify, n, len(s.Parts))
		}
		dealers[code].left = counts
		// The text, not the code, which depends on the order of the examples.
		dealers[code].random.Seed(KeyOf("stratified", c.Texts[code], s.Seed, x.N))
	}
	rows, row := newSet(x.N), int64(0)
	err = c.Scan(func(codes []int32) error {
		for _, code := range codes {
			if dealers[code].deal() == at {
				rows.add(row)
			}
			row++
		}
		return nil
	})
	return rows.rows(), err
}

// quoted lists some texts for a message.
func quoted(texts []string) string {
	var all []string
	for _, t := range texts {
		all = append(all, diag.Quote(t))
	}
	return diag.Few(all)
}
