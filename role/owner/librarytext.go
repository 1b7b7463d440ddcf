package owner

import (
	"fmt"
	"strconv"

	"meridian/world"
)

// sizeText is a size for people.
func sizeText(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MB", bytes>>20)
	case bytes >= 1<<10:
		return fmt.Sprintf("%d KB", bytes>>10)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// countText is a number for people, "" for none; more are uncounted.
func countText(n int, more bool) string {
	switch {
	case more:
		return strconv.Itoa(n) + "+"
	case n > 0:
		return strconv.Itoa(n)
	}
	return ""
}

func pixels(v world.Version) string { return fmt.Sprintf("%d × %d", v.Width, v.Height) }

// state is a word about how something stands, with its colour: "good", "wait",
// "bad" or "".
type state struct{ Kind, Text string }

// stateOf says who sees a picture; nothing of one that everybody does.
func stateOf(m world.Manifest) state {
	switch m.Moderation.State {
	case world.ModerationPending:
		return state{"wait", "Waits for approval"}
	case world.ModerationWithheld:
		return state{"bad", "Withheld"}
	}
	return state{}
}

// decidedText is the state of one version, for a list of them.
func decidedText(s world.ModerationState) state {
	switch s {
	case world.ModerationPending:
		return state{"wait", "waits for approval"}
	case world.ModerationWithheld:
		return state{"bad", "withheld"}
	}
	return state{}
}

// copyText is how far a region's copy has come.
func copyText(s world.ReplicaState, verified bool) state {
	switch {
	case s == world.ReplicaCopied && verified:
		return state{"good", "Kept and verified"}
	case s == world.ReplicaCopied:
		return state{"good", "Kept"}
	case s == world.ReplicaFailed:
		return state{"bad", "Failed, will be tried again"}
	case s == world.ReplicaPending:
		return state{"wait", "On its way"}
	}
	return state{"", string(s)}
}

// workText is what a piece of background work does, by the kind that media's
// queue knows it under.
func workText(j world.Job) string {
	switch j.Kind {
	case "replicate_original":
		return "Copy it to " + j.Target
	case "prepare_version":
		return "Make its sizes in " + j.Region
	case "judge_version":
		return "Ask whether it may be shown"
	case "remove_asset":
		return "Remove it from " + j.Target
	}
	return j.Kind
}

// editText is how a version came to be.
func editText(v world.Version) string {
	e := v.Edit
	switch {
	case v.From == 0 && e == nil:
		return "Uploaded"
	case e == nil:
		return fmt.Sprintf("Focal point of version %d moved", v.From)
	case e.Replace:
		return "Replaced by another file"
	case e.Crop != nil && e.Rotate != 0:
		return fmt.Sprintf("Version %d cropped, turned by %d°", v.From, 90*e.Rotate)
	case e.Crop != nil:
		return fmt.Sprintf("Version %d cropped", v.From)
	}
	return fmt.Sprintf("Version %d turned by %d°", v.From, 90*e.Rotate)
}

// typeText is a media type's short name.
func typeText(mediaType string) string {
	switch mediaType {
	case "image/jpeg":
		return "JPEG"
	case "image/png":
		return "PNG"
	case "image/webp":
		return "WebP"
	case "image/avif":
		return "AVIF"
	case "image/gif":
		return "GIF"
	case "image/heic":
		return "HEIC"
	}
	return mediaType
}
