/* See the header. */
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void hash_data(const void *data, size_t size, char hex[HASH_HEX])
{
	unsigned char sum[SHA256_DIGEST_LENGTH] = { 0 };

	EVP_Digest(data, size, sum, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

int hash_file(const char *path, char hex[HASH_HEX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = NULL;
	int rc = -1;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto close_fd;
	if (st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    fd, 0);
		if (map == MAP_FAILED)
			goto close_fd;
	}
	hash_data(map ? map : "", (size_t)st.st_size, hex);
	if (map)
		munmap(map, (size_t)st.st_size);
	rc = 0;
close_fd:
	close(fd);
	return rc;
}
