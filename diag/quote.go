package diag

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How messages show texts that others wrote: keys, names of tensors, dtypes of a
// file, paths, variables of the environment. They may be 50 MB long, and hold what
// steers a terminal. Whatever a message takes from outside goes through one of
// these.

const (
	shownText = 60  // characters of a text that a message shows
	shownPath = 160 // and of a path, whose end tells more than its beginning
)

// Cut is a text as a message shows it: its first 60 characters, with an escape
// sequence for each that can't be printed.
func Cut(text string) string { return escape(head(text, shownText), "") }

// Quote is Cut in double quotes, for a text that may be empty, end in blanks, or
// look like words of the message.
func Quote(text string) string { return `"` + escape(head(text, shownText), `"\`) + `"` }

// CutPath is Cut for a path: of a long one the middle is left out.
func CutPath(path string) string {
	if utf8.RuneCountInString(path) <= shownPath {
		return escape(path, "")
	}
	runes := []rune(path)
	return escape(string(runes[:shownPath/4])+"…"+string(runes[len(runes)-3*shownPath/4:]), "")
}

// Few lists the first few problems, and how many more there are.
func Few(problems []string) string {
	const most = 6
	more := ""
	if len(problems) > most {
		more = fmt.Sprintf("; and %d more", len(problems)-most)
		problems = problems[:most]
	}
	return strings.Join(problems, "; ") + more
}

// Names lists a few names of foreign texts, and counts the others; "none" if there are none.
func Names(names []string) string {
	const most = 8
	if len(names) == 0 {
		return "none"
	}
	shown := make([]string, min(most, len(names)))
	for i := range shown {
		shown[i] = Cut(names[i])
	}
	list := strings.Join(shown, ", ")
	if len(names) > most {
		list += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return list
}

// ShellLine is a command as one types it into a shell: words in quotes where they need
// them, and characters that can't be printed as escape sequences.
func ShellLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, special) {
			quoted[i] = Printable("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
		}
	}
	return strings.Join(quoted, " ")
}

// special reports whether a shell may take a character for more than itself.
func special(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,@%+", r)
	return !plain
}

// head is the beginning of a text, so many characters, with a mark if there is more.
func head(text string, most int) string {
	at := 0
	for range most {
		if at == len(text) {
			return text
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if at == len(text) {
		return text
	}
	return text[:at] + "…"
}

// escape writes what can't be printed, and the given characters, as Go does.
func escape(text, also string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError && !strings.ContainsRune(also, r) }
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[0]), 16))
		case plain(r) || r == utf8.RuneError:
			b.WriteRune(r)
		case strings.ContainsRune(also, r):
			b.WriteString(`\` + string(r))
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// Printable makes a whole message fit for a terminal: what can't be printed is
// escaped, but for line feeds, and what is very long is cut.
func Printable(message string) string {
	lines := strings.Split(cut(message), "\n")
	for i, line := range lines {
		lines[i] = escape(line, "")
	}
	return strings.Join(lines, "\n")
}
