// Package edit writes specs: [Render] with overrides applied, imports resolved and
// defaults written out, [Format] in one layout.
//
// Format owns where things stand on their lines, and nothing else: indentation (two
// spaces a level), one space behind `:`, `-` and `,`, none inside of brackets and
// at the ends of lines, one blank line at most, one line feed at the end. Lines
// stay lines; comments, anchors, quotes, brackets and the order of keys stay as
// their author wrote them.
//
//   - The result means what the text meant, has its comments, anchors, quotes and
//     brackets, and stays as it is when formatted again: it is parsed and formatted
//     once more to see that. A text for which one of these fails is given back as
//     it is, so that odd YAML stays unformatted rather than change its meaning.
//   - That doesn't happen with specs as people write them: every column is computed from
//     the text's structure, and where an old column counts (comments), from the new text's.
package edit
