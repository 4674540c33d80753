/*
 * The proof, by the real ssh, that a file of sshconf_write may replace another.
 */
#ifndef PROXY_SSHCONF_PROOF_H
#define PROXY_SSHCONF_PROOF_H

struct err;
struct secret;
struct userfile;

struct sshconf_proof {
	const struct secret	*text;		/* of sshconf_write */
	struct userfile		*ours;		/* where it shall be; open */
	struct userfile		*config;	/* ~/.ssh/config; open */
};

/*
 * Stages text in ours, reads it back, and asks ssh -G: of the first, the middle and
 * the last block it must say what was written, by the file alone and by config with
 * our Include; and of another host what it would say without us.  ours stays staged,
 * and something in config.
 * Returns 0; or -1 with an error of sshconf_read, userfile_stage or sshconf_try, or
 * one that says what ssh made of it.
 */
int	 sshconf_prove(const struct sshconf_proof *p, struct err *e);

/* The same in a temporary folder: nothing is staged in ours and config. */
int	 sshconf_rehearse(const struct sshconf_proof *p, struct err *e);

#endif
