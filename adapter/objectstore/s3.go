package objectstore

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob/s3blob"

	"meridian/world"
)

// How a bucket is asked.
const (
	partsAtOnce = 2               // of one large object; each is held in memory
	backOff     = 2 * time.Second // the longest between two attempts
	tidyUp      = 5 * time.Second // to end a multipart upload that failed
)

// remote is what an S3 store needs beyond what blob offers.
type remote struct {
	client    *s3.Client
	bucket    string
	checksums aws.RequestChecksumCalculation
}

func openS3(ctx context.Context, l Location) (*Store, error) {
	u, err := l.bucket()
	if err != nil {
		return nil, err
	}
	checksums := aws.RequestChecksumCalculationWhenSupported
	if !u.checksums {
		checksums = aws.RequestChecksumCalculationWhenRequired
	}
	cfg, err := loadAWS(ctx, l.Credentials,
		config.WithRegion(u.region),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(l.limit)),
		config.WithLogger(logging.Nop{}),
		config.WithRequestChecksumCalculation(checksums),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = l.Attempts, backOff })
		}))
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = u.pathStyle
		o.DisableLogOutputChecksumValidationSkipped = true
		if u.endpoint != "" {
			o.BaseEndpoint = &u.endpoint
		}
	})
	bucket, err := s3blob.OpenBucket(ctx, client, u.bucket, &s3blob.Options{RequestChecksumCalculation: checksums})
	if err != nil {
		return nil, fault("objectstore.open", err)
	}
	r := &remote{client: client, bucket: u.bucket, checksums: checksums}
	if err := r.probe(ctx); err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	return &Store{bucket: bucket, s3: r}, nil
}

// probe asks for the first key, which tells whether the bucket is there and the
// credentials open it.
func (r *remote) probe(ctx context.Context) error {
	const op = "objectstore.open"
	_, err := r.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &r.bucket, MaxKeys: aws.Int32(1)})
	if err == nil {
		return nil
	}
	var api smithy.APIError
	var answer *awshttp.ResponseError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket":
		return world.Because(world.CodeInvalid, op, "url: there is no bucket "+r.bucket+"; make it first.", err)
	case errors.As(err, &answer) && (answer.HTTPStatusCode() == http.StatusForbidden || answer.HTTPStatusCode() == http.StatusUnauthorized):
		return world.Because(world.CodeInvalid, op, "credentials: the bucket "+r.bucket+" is not opened by them; see that they are right and that the policy allows s3:ListBucket.", err)
	case errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 3:
		return world.Because(world.CodeInvalid, op, "url: the bucket "+r.bucket+" is in another region; name that.", err)
	}
	return fault(op, err)
}

// tidy gives the uploader of one object time to end a multipart upload whose
// context is done: by itself it asks within that context, and leaves the parts.
func (r *remote) tidy(as func(any) bool) {
	var uploader *transfermanager.Client
	if r == nil || !as(&uploader) {
		return
	}
	*uploader = *transfermanager.New(r.client, func(o *transfermanager.Options) {
		o.FailTimeout, o.Concurrency, o.RequestChecksumCalculation = tidyUp, partsAtOnce, r.checksums
	})
}

// sweep ends multipart uploads that were begun before a time: their writers
// were killed, and their parts are paid for without being listed.
func (r *remote) sweep(ctx context.Context, before time.Time) (int, error) {
	swept := 0
	pages := s3.NewListMultipartUploadsPaginator(r.client, &s3.ListMultipartUploadsInput{Bucket: &r.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return swept, err
		}
		for _, u := range page.Uploads {
			if u.Initiated == nil || !u.Initiated.Before(before) {
				continue
			}
			_, err := r.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &r.bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil && classify(err) != world.CodeNotFound {
				return swept, err
			}
			swept++
		}
	}
	return swept, nil
}
