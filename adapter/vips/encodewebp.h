/* What stills and animations share of writing WebP. */
#ifndef MERIDIAN_VIPS_ENCODEWEBP_H
#define MERIDIAN_VIPS_ENCODEWEBP_H

#include <webp/encode.h>
#include <webp/mux.h>

#include "encode.h"

int me_webp_config(WebPConfig *config, const MeHow *how);
int me_webp_go_on(int percent, const WebPPicture *picture);

/* The file with the EXIF that is to be kept, in a buffer for g_free. */
int me_webp_finish(const WebPData *file, const MeHow *how, void **out, size_t *length);

#endif
