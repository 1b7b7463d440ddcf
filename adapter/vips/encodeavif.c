#include "bridge.h"
#include "encode.h"

#include <string.h>

#include <libheif/heif.h>

static struct heif_error append(struct heif_context *context, const void *data, size_t size, void *to)
{
	g_byte_array_append(to, data, size);
	return (struct heif_error){ heif_error_Ok, heif_suberror_Unspecified, "" };
}

static int bad(struct heif_error e)
{
	if (e.code != heif_error_Ok)
		vips_error("avif", "%s", e.message);
	return e.code != heif_error_Ok;
}

static int add_plane(struct heif_image *image, enum heif_channel channel, const MpPlane *in, int width, int height)
{
	int stride;
	if (bad(heif_image_add_plane(image, channel, width, height, 8)))
		return -1;
	uint8_t *out = heif_image_get_plane(image, channel, &stride);
	for (int y = 0; y < height; y++)
		if (in)
			memcpy(out + (size_t) y * stride, in->data + (size_t) y * in->stride, width);
		else
			memset(out + (size_t) y * stride, 128, width);
	return 0;
}

/* Grey has colour planes too: not every decoder knows pictures without. */
static int take_planes(const MpPicture *in, struct heif_image **image)
{
	int w = in->plane[0].width, h = in->plane[0].height, colour = in->planes == 3;
	return bad(heif_image_create(w, h, heif_colorspace_YCbCr, heif_chroma_420, image)) ||
		add_plane(*image, heif_channel_Y, &in->plane[0], w, h) ||
		add_plane(*image, heif_channel_Cb, colour ? &in->plane[1] : NULL, (w + 1) / 2, (h + 1) / 2) ||
		add_plane(*image, heif_channel_Cr, colour ? &in->plane[2] : NULL, (w + 1) / 2, (h + 1) / 2);
}

static int take_rgb(const MePixels *in, struct heif_image **image)
{
	int stride;
	enum heif_chroma chroma = in->bands == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
	if (bad(heif_image_create(in->width, in->height, heif_colorspace_RGB, chroma, image)) ||
		bad(heif_image_add_plane(*image, heif_channel_interleaved, in->width, in->height, 8)))
		return -1;
	uint8_t *out = heif_image_get_plane(*image, heif_channel_interleaved, &stride);
	for (int y = 0; y < in->height; y++)
		memcpy(out + (size_t) y * stride, in->rgb + (size_t) y * in->width * in->bands, (size_t) in->width * in->bands);
	return 0;
}

/* sRGB's primaries and curve, the matrix of BT.601, full range (ISO/IEC 23091-2). */
static int say_colours(struct heif_color_profile_nclx *nclx)
{
	nclx->full_range_flag = 1;
	return bad(heif_nclx_color_profile_set_color_primaries(nclx, heif_color_primaries_ITU_R_BT_709_5)) ||
		bad(heif_nclx_color_profile_set_transfer_characteristics(nclx, heif_transfer_characteristic_IEC_61966_2_1)) ||
		bad(heif_nclx_color_profile_set_matrix_coefficients(nclx, heif_matrix_coefficients_ITU_R_BT_601_6));
}

static int set_up(struct heif_encoder *encoder, const MeHow *how)
{
	return bad(heif_encoder_set_lossy_quality(encoder, how->quality)) ||
		bad(heif_encoder_set_parameter_integer(encoder, "speed", 9 - how->effort)) ||
		bad(heif_encoder_set_parameter_integer(encoder, "threads", 1)) ||
		bad(heif_encoder_set_parameter_string(encoder, "chroma", "420"));
}

int me_avif(const MePixels *in, const MeHow *how, void **out, size_t *length)
{
	struct heif_context *context = heif_context_alloc();
	struct heif_encoding_options *options = heif_encoding_options_alloc();
	struct heif_color_profile_nclx *nclx = heif_nclx_color_profile_alloc();
	struct heif_encoder *encoder = NULL;
	struct heif_image *image = NULL;
	struct heif_image_handle *handle = NULL;
	struct heif_writer writer = { 1, append };
	GByteArray *file = g_byte_array_new();

	options->output_nclx_profile = nclx;
	int failed = say_colours(nclx) ||
		(in->planar ? take_planes(in->planar, &image) : take_rgb(in, &image)) ||
		bad(heif_image_set_nclx_color_profile(image, nclx)) ||
		bad(heif_context_get_encoder_for_format(context, heif_compression_AV1, &encoder)) ||
		set_up(encoder, how) ||
		bad(heif_context_encode_image(context, image, encoder, options, &handle)) ||
		(how->exif && bad(heif_context_add_exif_metadata(context, handle, how->exif, how->exif_length))) ||
		bad(heif_context_write(context, &writer, file));
	if (!failed)
		*length = file->len;
	uint8_t *bytes = g_byte_array_free(file, failed);
	if (!failed)
		*out = bytes;
	if (handle)
		heif_image_handle_release(handle);
	if (image)
		heif_image_release(image);
	if (encoder)
		heif_encoder_release(encoder);
	heif_nclx_color_profile_free(nclx);
	heif_encoding_options_free(options);
	heif_context_free(context);
	return failed ? -1 : 0;
}
