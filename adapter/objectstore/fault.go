package objectstore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"

	"meridian/world"
)

// fault is a driver's error in our words. One that is ours already keeps its code.
func fault(op string, err error) error {
	var ours *world.Error
	if errors.As(err, &ours) {
		return world.Wrap(op, err)
	}
	switch code := classify(err); code {
	case world.CodeFull:
		return world.Because(code, op, "The object store is full; nothing was stored. Make room, then try again.", err)
	case world.CodeNotFound:
		return world.Because(code, op, "There is no such object.", err)
	case world.CodeConflict:
		return world.Because(code, op, "There is such an object already, or it was replaced meanwhile.", err)
	case world.CodeTimeout:
		return world.Because(code, op, "The object store took too long; try again.", err)
	case world.CodeUnavailable:
		return world.Because(code, op, "The object store cannot be used just now; try again.", err)
	default:
		return world.Because(world.CodeInternal, op, "", err)
	}
}

func classify(err error) world.Code {
	if code := classifyS3(err); code != "" {
		return code
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return world.CodeNotFound
	case gcerrors.FailedPrecondition:
		return world.CodeConflict
	case gcerrors.ResourceExhausted:
		return world.CodeFull
	case gcerrors.Canceled:
		return world.CodeUnavailable
	case gcerrors.DeadlineExceeded:
		return world.CodeTimeout
	}
	var network *net.OpError // not net.Error, which every errno is too
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return world.CodeFull
	case errors.Is(err, context.Canceled):
		return world.CodeUnavailable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return world.CodeTimeout
	case errors.As(err, &network):
		return world.CodeUnavailable
	}
	return world.CodeInternal
}

// classifyS3 goes by the error codes of Amazon's S3 API reference and those that
// other servers answer with when they are full; "" for what is none of theirs.
func classifyS3(err error) world.Code {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchBucket": // not an object that is missing: nobody may take all for lost
			return world.CodeInternal
		case "PreconditionFailed", "ConditionalRequestConflict":
			return world.CodeConflict
		case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "InsufficientCapacity":
			return world.CodeFull
		case "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted":
			return world.CodeUnavailable
		}
	}
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		return ""
	}
	switch status := answer.HTTPStatusCode(); {
	case status == http.StatusNotFound:
		return world.CodeNotFound
	case status == http.StatusInsufficientStorage:
		return world.CodeFull
	case status == http.StatusTooManyRequests, status >= 500:
		return world.CodeUnavailable
	case status >= 400:
		return world.CodeInternal
	}
	return ""
}
