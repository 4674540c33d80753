/*
 * The files of an SSH certificate, see sshcert_files.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/keys_rsa.h"
#include "auth/sshcert_files.h"
#include "auth/sshkey.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define KEY		"id_rsa"
#define PUBLIC		".pub"
#define CERTIFICATE	"-cert.pub"
#define CONF		"cert.conf"
#define MARK		"arc-relay:"	/* begins the comment of our certificates */
#define LOCK_WAIT_MS	8000	/* then its holder is stuck */
#define NAME_MAX_BYTES	(FOLDER_NAME_MAX + 16)

static int
no_folder(const struct folder *f, struct err *e)
{
	err_set(e, EX_CANTCREAT, "", "the certificate cannot be kept: %.200s",
	    f->why);
	return (err_fix(e, "give the folder to yourself with mode 0700, or "
	    "set XDG_STATE_HOME to another one"));
}

static int
no_memory(struct err *e)
{
	return (err_set(e, EX_OSERR, "", "out of memory"));
}

int
sshcert_conf_path(char *out, size_t size, struct err *e)
{
	struct folder f;
	char folder[PATH_MAX];

	if (folder_state_path(&f, folder, sizeof(folder)) == -1)
		return (no_folder(&f, e));
	if ((size_t)snprintf(out, size, "%s/" CONF, folder) >= size)
		return (err_set(e, EX_CANTCREAT, "", "the path of " CONF
		    " is too long"));
	return (0);
}

/* Can it stand between double quotes in ssh_config, its % doubled? */
static bool
can_be_quoted(const char *path)
{
	const char *p;

	for (p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '"' ||
		    *p == '\\' || (p[0] == '$' && p[1] == '{'))
			return (false);
	return (true);
}

static int
set_paths(struct sshcert_files *f, const char *folder, struct err *e)
{
	if ((size_t)snprintf(f->key, sizeof(f->key), "%s/%s", folder,
	    f->name) >= sizeof(f->key) ||
	    (size_t)snprintf(f->certificate, sizeof(f->certificate), "%s"
	    CERTIFICATE, f->key) >= sizeof(f->certificate))
		return (err_set(e, EX_USAGE, "", "the path of the key is too "
		    "long"));
	return (0);
}

static int
open_state(struct sshcert_files *f, struct err *e)
{
	char folder[PATH_MAX];

	f->ours = true;
	(void)snprintf(f->name, sizeof(f->name), KEY);
	if (folder_state_path(&f->folder, folder, sizeof(folder)) == -1 ||
	    folder_open_state(&f->folder) == -1)
		return (no_folder(&f->folder, e));
	if (!can_be_quoted(folder)) {
		err_set(e, EX_CONFIG, "", "the path of the key cannot stand in "
		    "ssh_config: %.120s", folder);
		return (err_fix(e, "set XDG_STATE_HOME to one without quotes, "
		    "backslashes and ${"));
	}
	return (set_paths(f, folder, e));
}

/* The folder of a file, as it is found from anywhere; and the file's name. */
static int
split(struct sshcert_files *f, const char *file, char folder[PATH_MAX],
    struct err *e)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	char parent[PATH_MAX];

	if (name[0] == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return (err_set(e, EX_USAGE, "", "--file needs the name of a "
		    "file, not \"%.80s\"", file));
	if ((size_t)snprintf(f->name, sizeof(f->name), "%s", name) >=
	    sizeof(f->name) || strlen(file) >= sizeof(parent))
		return (err_set(e, EX_USAGE, "", "the name given with --file "
		    "is too long"));
	(void)snprintf(parent, sizeof(parent), "%.*s",
	    slash != NULL ? (int)(slash - file) + 1 : 1,
	    slash != NULL ? file : ".");
	if (realpath(parent, folder) == NULL)
		return (err_sys(e, EX_NOINPUT, "", "cannot open the folder "
		    "%.120s", parent));
	return (0);
}

int
sshcert_files_open(struct sshcert_files *f, const char *file, struct err *e)
{
	char folder[PATH_MAX];

	*f = (struct sshcert_files){ .folder = FOLDER_INIT };
	if (file == NULL)
		return (open_state(f, e));
	if (split(f, file, folder, e) == -1 || set_paths(f, folder, e) == -1)
		return (-1);
	if (folder_open_dir(&f->folder, folder) == 0)
		return (0);
	err_set(e, EX_CANTCREAT, "", "no key is kept there: %.200s",
	    f->folder.why);
	return (err_fix(e, "choose a file in a folder of yours"));
}

void
sshcert_files_close(struct sshcert_files *f)
{
	folder_close(&f->folder);
}

static const char *
name_of(const struct sshcert_files *f, const char *suffix,
    char out[NAME_MAX_BYTES])
{
	(void)snprintf(out, NAME_MAX_BYTES, "%s%s", f->name, suffix);
	return (out);
}

int
sshcert_files_key(const struct sshcert_files *f, struct keys_rsa *k,
    struct err *e)
{
	struct secret text = SECRET_INIT;
	int rc;

	if (folder_read(&f->folder, f->name, FOLDER_FILE_MAX, &text) == 0) {
		rc = sshkey_read(&text, f->key, k, e);
		secret_free(&text);
		return (rc);
	}
	if (!folder_has(&f->folder, f->name))
		return (1);
	err_set(e, EX_DATAERR, "E314", "%.120s is not a key file of yours "
	    "alone, with mode 0600 and no link", f->key);
	return (err_fix(e, "chmod 600 it, or move it away, or choose another: "
	    "--file FILE"));
}

static int
cannot_write(const struct sshcert_files *f, const char *name, struct err *e)
{
	int folder = (int)(strrchr(f->key, '/') + 1 - f->key);

	err_sys(e, EX_CANTCREAT, "", "cannot write %.*s%.100s",
	    folder < 100 ? folder : 100, f->key, name);
	return (err_fix(e, "free the disk, or choose a file elsewhere: --file "
	    "FILE"));
}

int
sshcert_files_make_key(const struct sshcert_files *f, struct keys_rsa *k,
    struct err *e)
{
	struct secret pem = SECRET_INIT;
	int rc = keys_rsa_make(&pem, e);

	/* a key that somebody put there meanwhile is not replaced */
	if (rc == 0 && folder_write_new(&f->folder, f->name, FOLDER_FILE_MAX,
	    &pem) == -1 && errno != EEXIST)
		rc = cannot_write(f, f->name, e);
	secret_free(&pem);
	if (rc == 0 && (rc = sshcert_files_key(f, k, e)) == 1)
		rc = err_set(e, EX_CANTCREAT, "", "the new key %.120s is gone "
		    "again", f->key);
	return (rc);
}

int
sshcert_kept_read(const char *text, size_t len, const struct keys_rsa *k,
    struct sshcert_kept *out, struct err *e)
{
	char *blob = NULL;
	ptrdiff_t n = -1;
	int rc = -1;

	sshcert_kept_free(out);
	if (len <= 2 * SSHCERT_MAX && (blob = secret_malloc(len + 1)) != NULL)
		n = crypto_unbase64(text, len, blob, len);
	if (n <= 0 || n > SSHCERT_MAX ||
	    secret_set(&out->blob, blob, (size_t)n) == -1 ||
	    sshcert_parse(out->blob.data, out->blob.len, &out->cert) == -1)
		err_set(e, EX_PROTOCOL, "E412", "what Entra gave as an SSH "
		    "certificate (%zu bytes) is none", len);
	else
		rc = sshcert_check(&out->cert, k, out->user, e);
	secret_mfree(blob);
	if (rc == -1)
		sshcert_kept_free(out);
	return (rc);
}

void
sshcert_kept_free(struct sshcert_kept *c)
{
	secret_free(&c->blob);
	*c = (struct sshcert_kept)SSHCERT_KEPT_INIT;
}

/* "TYPE BASE64 arc-relay:MARK\n" */
static int
parse_line(const struct secret *line, const struct keys_rsa *k,
    struct sshcert_kept *out)
{
	static const char type[] = SSHCERT_TYPE " ";
	const char *text = line->data + strlen(type), *mark;
	struct err e = ERR_INIT;
	size_t len;

	if (strncmp(line->data, type, strlen(type)) != 0)
		return (-1);
	len = strcspn(text, " \r\n");
	if (sshcert_kept_read(text, len, k, out, &e) == -1)
		return (-1);
	mark = text + len;
	if (strncmp(mark, " " MARK, strlen(" " MARK)) == 0) {
		mark += strlen(" " MARK);
		len = strcspn(mark, "\n");
		(void)snprintf(out->mark, sizeof(out->mark), "%.*s", (int)
		    (len < sizeof(out->mark) ? len : 0), mark);
	}
	return (0);
}

int
sshcert_files_load(const struct sshcert_files *f, const struct keys_rsa *k,
    struct sshcert_kept *out)
{
	struct secret line = SECRET_INIT;
	char name[NAME_MAX_BYTES];
	int rc = -1;

	sshcert_kept_free(out);
	if (folder_read(&f->folder, name_of(f, CERTIFICATE, name),
	    FOLDER_FILE_MAX, &line) == 0)
		rc = parse_line(&line, k, out);
	secret_free(&line);
	return (rc);
}

/* May what is there under the certificate's name go? */
static int
may_replace(const struct sshcert_files *f, const char *name, struct err *e)
{
	struct secret line = SECRET_INIT;
	bool mine;

	if (f->ours || !folder_has(&f->folder, name))
		return (0);
	mine = folder_read(&f->folder, name, FOLDER_FILE_MAX, &line) == 0 &&
	    strstr(line.data, " " MARK) != NULL;
	secret_free(&line);
	if (mine)
		return (0);
	err_set(e, EX_DATAERR, "E314", "%.120s is there, and not from "
	    "arc-relay", f->certificate);
	return (err_fix(e, "move it away, or choose another: --file FILE"));
}

static int
write_certificate(const struct sshcert_files *f, const struct sshcert_kept *c,
    struct err *e)
{
	size_t room = BASE64_SIZE(c->blob.len) + sizeof(SSHCERT_TYPE) +
	    sizeof(MARK) + SSHCERT_MARK + 4, len;
	char *text = secret_malloc(room), name[NAME_MAX_BYTES];
	struct secret line = SECRET_INIT;
	int rc = -1;

	if (text == NULL)
		return (no_memory(e));
	len = (size_t)snprintf(text, room, SSHCERT_TYPE " ");
	crypto_base64(c->blob.data, c->blob.len, text + len);
	len += strlen(text + len);
	len += (size_t)snprintf(text + len, room - len, " " MARK "%s\n",
	    c->mark);
	(void)name_of(f, CERTIFICATE, name);
	if (secret_set(&line, text, len) == -1)
		(void)no_memory(e);
	else if (may_replace(f, name, e) == 0 &&
	    (rc = folder_write(&f->folder, name, FOLDER_FILE_MAX,
	    &line)) == -1)
		(void)cannot_write(f, name, e);
	secret_free(&line);
	secret_mfree(text);
	return (rc);
}

/* A path in double quotes, its % doubled: ssh has tokens there. */
static int
add_path(struct secret *out, const char *keyword, const char *path)
{
	size_t i;

	if (text_append(out, keyword, strlen(keyword), SIZE_MAX - 1) == -1 ||
	    text_append(out, " \"", 2, SIZE_MAX - 1) == -1)
		return (-1);
	for (i = 0; path[i] != '\0'; i++)
		if (text_append(out, path[i] == '%' ? "%%" : &path[i],
		    path[i] == '%' ? 2 : 1, SIZE_MAX - 1) == -1)
			return (-1);
	return (text_append(out, "\"\n", 2, SIZE_MAX - 1));
}

static int
make_conf(const struct sshcert_files *f, const struct sshcert_kept *c,
    struct secret *out)
{
	static const char head[] = "# arc-relay cert writes this anew with "
	    "each certificate; ssh_config includes it.\n";
	static const char tail[] = "IdentitiesOnly yes\n";

	secret_free(out);
	if (text_append(out, head, strlen(head), SIZE_MAX - 1) == -1 ||
	    add_path(out, "User", c->user) == -1 ||
	    add_path(out, "IdentityFile", f->key) == -1 ||
	    add_path(out, "CertificateFile", f->certificate) == -1)
		return (-1);
	return (text_append(out, tail, strlen(tail), SIZE_MAX - 1));
}

/* Writes text unless that is what the file holds. */
static int
update(const struct sshcert_files *f, const char *name,
    const struct secret *text, struct err *e)
{
	struct secret now = SECRET_INIT;
	bool same = folder_read(&f->folder, name, FOLDER_FILE_MAX,
	    &now) == 0 && secret_same(&now, text);

	secret_free(&now);
	if (!same && folder_write(&f->folder, name, FOLDER_FILE_MAX,
	    text) == -1)
		return (cannot_write(f, name, e));
	return (0);
}

/* One that is the user's is only looked at. */
static int
complete_public(const struct sshcert_files *f, const struct keys_rsa *k,
    const struct secret *line, struct err *e)
{
	struct secret now = SECRET_INIT;
	char name[NAME_MAX_BYTES], path[PATH_MAX + sizeof(PUBLIC)];
	bool good;

	(void)name_of(f, PUBLIC, name);
	if (f->ours || !folder_has(&f->folder, name))
		return (update(f, name, line, e));
	(void)snprintf(path, sizeof(path), "%s" PUBLIC, f->key);
	good = text_read_regular(path, FOLDER_FILE_MAX, false, &now) == 0 &&
	    sshkey_is_public_line(k, &now);
	secret_free(&now);
	if (good)
		return (0);
	err_set(e, EX_DATAERR, "E314", "%.120s is not the public half of the "
	    "key beside it", path);
	return (err_fix(e, "move it away: it will be made again"));
}

int
sshcert_files_complete(const struct sshcert_files *f, const struct keys_rsa *k,
    const struct sshcert_kept *c, struct err *e)
{
	struct secret line = SECRET_INIT, conf = SECRET_INIT;
	int rc = -1;

	if (sshkey_public_line(k, &line) == -1 ||
	    make_conf(f, c, &conf) == -1)
		(void)no_memory(e);
	else if (complete_public(f, k, &line, e) == 0)
		rc = f->ours ? update(f, CONF, &conf, e) : 0;
	secret_free(&line);
	secret_free(&conf);
	return (rc);
}

int
sshcert_files_save(const struct sshcert_files *f, const struct keys_rsa *k,
    const struct sshcert_kept *c, struct err *e)
{
	if (write_certificate(f, c, e) == -1)
		return (-1);
	return (sshcert_files_complete(f, k, c, e));
}

int
sshcert_files_forget(struct err *e)
{
	/* what points to the others goes first */
	static const char *const names[] = { CONF, KEY CERTIFICATE, KEY,
	    KEY PUBLIC };
	struct err none = ERR_INIT;
	struct sshcert_files f;
	int lock, rc = 0;
	size_t i;

	if (sshcert_files_open(&f, NULL, &none) == -1) {
		sshcert_files_close(&f);
		return (0);
	}
	lock = folder_lock(&f.folder, cache_key_file(f.key).name, LOCK_WAIT_MS);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!folder_has(&f.folder, names[i]))
			continue;
		if (folder_drop(&f.folder, names[i]) == -1)
			rc = err_sys(e, EX_CANTCREAT, "", "cannot remove %s of "
			    "the SSH certificate", names[i]);
		else if (rc == 0)
			rc = 1;
	}
	folder_unlock(lock);
	sshcert_files_close(&f);
	return (rc);
}
