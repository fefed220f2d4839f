package flowrun

import (
	"strings"
	"unicode/utf8"
)

// stream hands out a text that grows token by token: whole characters, and nothing that
// is, or may yet become, one of the texts that end it.
type stream struct {
	stops   []string
	emit    func(string) error // nil: nobody wants it at once
	text    strings.Builder    // what was handed out
	pending []byte
	stop    string // the text that ended it; "" while none has
}

// add adds a token's text, and reports whether that ends the answer.
func (s *stream) add(text string) (ended bool, err error) {
	s.pending = append(s.pending, text...)
	if at, stop := s.find(); stop != "" {
		s.pending, s.stop = s.pending[:at], stop
		return true, s.flush()
	}
	return false, s.give(len(s.pending) - s.held())
}

// flush hands out what is pending: nothing follows it.
func (s *stream) flush() error { return s.give(len(s.pending)) }

// find finds the text that ends the answer earliest; of several at one place, the longest.
func (s *stream) find() (at int, stop string) {
	at = -1
	for _, text := range s.stops {
		i := strings.Index(string(s.pending), text)
		if i >= 0 && (at < 0 || i < at || i == at && len(text) > len(stop)) {
			at, stop = i, text
		}
	}
	return at, stop
}

// held is how many bytes at the end can't be handed out yet: the beginning of a text that
// ends the answer, and before it that of a character.
func (s *stream) held() int {
	held := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.pending)); n > held; n-- {
			if strings.HasPrefix(stop, string(s.pending[len(s.pending)-n:])) {
				held = n
			}
		}
	}
	return held + begun(s.pending[:len(s.pending)-held])
}

// begun is how many bytes at the end of a text are the beginning of a character.
func begun(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// give hands out the first n pending bytes. A byte that is no UTF-8 becomes U+FFFD.
func (s *stream) give(n int) error {
	if n <= 0 {
		return nil
	}
	text := string(s.pending[:n])
	if !utf8.ValidString(text) {
		text = string([]rune(text))
	}
	s.pending = append(s.pending[:0], s.pending[n:]...)
	s.text.WriteString(text)
	if s.emit == nil {
		return nil
	}
	return s.emit(text)
}
